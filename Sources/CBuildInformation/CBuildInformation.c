// SPDX-License-Identifier: MIT
//
// The manifest defines both for builds that `scripts/package` makes. They are numbers, because a
// number needs no unsafe code to read, and in a target of their own, because a new commit then compiles
// this file alone.

#include "CBuildInformation.h"

#ifndef BUILD_COMMIT
#define BUILD_COMMIT 0
#endif
#ifndef BUILD_IS_MODIFIED
#define BUILD_IS_MODIFIED 0
#endif

uint64_t build_commit(void) { return BUILD_COMMIT; }

bool build_is_modified(void) { return BUILD_IS_MODIFIED; }
