// SPDX-License-Identifier: MIT

#ifndef QT_POOL_H
#define QT_POOL_H

/// Runs `body(context, task)` for every task in 0..<tasks, on all threads. Returns when all are done.
/// When another caller is using the pool, this one does its tasks alone.
void qt_parallel(int tasks, void (*body)(void *context, int task), void *context);

#endif
