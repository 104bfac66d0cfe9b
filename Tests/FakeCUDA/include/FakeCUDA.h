// SPDX-License-Identifier: MIT
//
// A driver and an NVRTC that compute nothing: memory is the host's, of all kernels only `fill` and
// `publish` do what they say, so that frames of zeros arrive. Any call can be made to fail.
#ifndef FAKECUDA_H
#define FAKECUDA_H

/// Makes `CCUDA` use them instead of the libraries; once, before anything else of it.
void fakeCUDAInstall(void);
/// Makes a symbol missing, as in a driver that is too old; before anything is called.
void fakeCUDAHide(const char *symbol);
/// The `nth` call of a symbol from now on, 1 being the next, returns `code`, and with `lasting` every
/// call of anything after it. `nth` 0: none fails.
void fakeCUDAFail(const char *symbol, int nth, int code, int lasting);
/// Calls of a symbol since the last `fakeCUDAFail`.
int fakeCUDACalls(const char *symbol);
/// The first `count` compilations end together: one that waits a minute for the others fails.
void fakeCUDACompileTogether(int count);
/// Processors of the device from now on; at first 4.
void fakeCUDAProcessors(int count);
/// Devices that there are from now on; at first 1.
void fakeCUDADevices(int count);
/// Compute capability of the device from now on, times ten; at first 90.
void fakeCUDAArchitecture(int number);
/// What the last program was compiled for: `sm_90`, `compute_80`.
const char *fakeCUDACompilerTarget(void);
/// Modules that were loaded as PTX.
int fakeCUDAPTXModules(void);
/// Launches that may begin while their predecessor runs, and those whose blocks form clusters.
int fakeCUDAProgrammaticLaunches(void);
int fakeCUDAClusterLaunches(void);
/// The most shared memory that a kernel was granted beside what it declares, in bytes.
int fakeCUDAMostSharedBytes(void);
/// Whether `publish` does what it says; at first it does.
void fakeCUDAPublishes(int does);
/// Objects that were made and not yet destroyed: memory, streams, modules, graphs, events, contexts.
int fakeCUDALiveObjects(void);
/// Name of the `index`-th symbol of the driver, NULL after the last.
const char *fakeCUDASymbol(int index);

#endif
