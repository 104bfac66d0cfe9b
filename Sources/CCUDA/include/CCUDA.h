// SPDX-License-Identifier: MIT
//
// The calls of the CUDA driver (libcuda.so.1) and of NVRTC that this package uses, declared here
// and resolved at run time, so that nothing of CUDA is needed to build. Every call keeps the
// driver's name after the prefix `c`; a call made before its library is loaded returns
// CCUDA_NOT_LOADED. Signatures follow the CUDA Driver API and NVRTC manuals, version 12.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CCUDA_NOT_LOADED 3
#define CCUDA_NOT_READY 600

typedef struct CCUcontext *CCUcontext;
typedef struct CCUstream *CCUstream;
typedef struct CCUevent *CCUevent;
typedef struct CCUmodule *CCUmodule;
typedef struct CCUfunction *CCUfunction;
typedef struct CCUgraph *CCUgraph;
typedef struct CCUgraphExec *CCUgraphExec;
typedef struct CNVRTCProgram *CNVRTCProgram;

// X(name, symbol, parameters, arguments)
#define CCUDA_DRIVER_CALLS(X)                                                                      \
  X(ccuInit, "cuInit", (unsigned flags), (flags))                                                  \
  X(ccuDriverGetVersion, "cuDriverGetVersion", (int *version), (version))                          \
  X(ccuDeviceGetCount, "cuDeviceGetCount", (int *count), (count))                                  \
  X(ccuDeviceGet, "cuDeviceGet", (int *device, int ordinal), (device, ordinal))                    \
  X(ccuDeviceGetName, "cuDeviceGetName", (char *name, int size, int device), (name, size, device)) \
  X(ccuDeviceGetAttribute, "cuDeviceGetAttribute", (int *value, int attribute, int device),        \
    (value, attribute, device))                                                                    \
  X(ccuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (CCUcontext * context, int device),     \
    (context, device))                                                                             \
  X(ccuDevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (int device), (device))            \
  X(ccuCtxSetCurrent, "cuCtxSetCurrent", (CCUcontext context), (context))                          \
  X(ccuGetErrorName, "cuGetErrorName", (int error, const char **text), (error, text))              \
  X(ccuGetErrorString, "cuGetErrorString", (int error, const char **text), (error, text))          \
  X(ccuMemAlloc, "cuMemAlloc_v2", (uint64_t * address, size_t bytes), (address, bytes))            \
  X(ccuMemFree, "cuMemFree_v2", (uint64_t address), (address))                                     \
  X(ccuMemGetInfo, "cuMemGetInfo_v2", (size_t * available, size_t *total), (available, total))     \
  X(ccuMemHostAlloc, "cuMemHostAlloc", (void **memory, size_t bytes, unsigned flags),              \
    (memory, bytes, flags))                                                                        \
  X(ccuMemFreeHost, "cuMemFreeHost", (void *memory), (memory))                                     \
  X(ccuMemHostGetDevicePointer, "cuMemHostGetDevicePointer_v2",                                    \
    (uint64_t * address, void *memory, unsigned flags), (address, memory, flags))                  \
  X(ccuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2",                                                    \
    (uint64_t to, const void *from, size_t bytes, CCUstream stream), (to, from, bytes, stream))    \
  X(ccuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2",                                                    \
    (void *to, uint64_t from, size_t bytes, CCUstream stream), (to, from, bytes, stream))          \
  X(ccuMemsetD8Async, "cuMemsetD8Async",                                                           \
    (uint64_t to, unsigned char value, size_t count, CCUstream stream),                            \
    (to, value, count, stream))                                                                    \
  X(ccuStreamCreate, "cuStreamCreate", (CCUstream * stream, unsigned flags), (stream, flags))      \
  X(ccuStreamDestroy, "cuStreamDestroy_v2", (CCUstream stream), (stream))                          \
  X(ccuStreamSynchronize, "cuStreamSynchronize", (CCUstream stream), (stream))                     \
  X(ccuStreamQuery, "cuStreamQuery", (CCUstream stream), (stream))                                 \
  X(ccuStreamWaitEvent, "cuStreamWaitEvent", (CCUstream stream, CCUevent event, unsigned flags),   \
    (stream, event, flags))                                                                        \
  X(ccuStreamBeginCapture, "cuStreamBeginCapture_v2", (CCUstream stream, int mode),                \
    (stream, mode))                                                                                \
  X(ccuStreamEndCapture, "cuStreamEndCapture", (CCUstream stream, CCUgraph *graph),                \
    (stream, graph))                                                                               \
  X(ccuEventCreate, "cuEventCreate", (CCUevent * event, unsigned flags), (event, flags))           \
  X(ccuEventDestroy, "cuEventDestroy_v2", (CCUevent event), (event))                               \
  X(ccuEventRecord, "cuEventRecord", (CCUevent event, CCUstream stream), (event, stream))          \
  X(ccuEventQuery, "cuEventQuery", (CCUevent event), (event))                                      \
  X(ccuEventSynchronize, "cuEventSynchronize", (CCUevent event), (event))                          \
  X(ccuEventElapsedTime, "cuEventElapsedTime", (float *ms, CCUevent start, CCUevent end),          \
    (ms, start, end))                                                                              \
  X(ccuModuleLoadData, "cuModuleLoadData", (CCUmodule * module, const void *image),                \
    (module, image))                                                                               \
  X(ccuModuleUnload, "cuModuleUnload", (CCUmodule module), (module))                               \
  X(ccuModuleGetFunction, "cuModuleGetFunction",                                                   \
    (CCUfunction * function, CCUmodule module, const char *name), (function, module, name))        \
  X(ccuFuncGetAttribute, "cuFuncGetAttribute", (int *value, int attribute, CCUfunction function),  \
    (value, attribute, function))                                                                  \
  X(ccuFuncSetAttribute, "cuFuncSetAttribute", (CCUfunction function, int attribute, int value),   \
    (function, attribute, value))                                                                  \
  X(ccuLaunchKernelEx, "cuLaunchKernelEx",                                                         \
    (const void *configuration, CCUfunction function, void **arguments, void **extra),             \
    (configuration, function, arguments, extra))                                                   \
  X(ccuGraphInstantiate, "cuGraphInstantiateWithFlags",                                            \
    (CCUgraphExec * executable, CCUgraph graph, unsigned long long flags),                         \
    (executable, graph, flags))                                                                    \
  X(ccuGraphExecDestroy, "cuGraphExecDestroy", (CCUgraphExec executable), (executable))            \
  X(ccuGraphDestroy, "cuGraphDestroy", (CCUgraph graph), (graph))                                  \
  X(ccuGraphUpload, "cuGraphUpload", (CCUgraphExec executable, CCUstream stream),                  \
    (executable, stream))                                                                          \
  X(ccuGraphLaunch, "cuGraphLaunch", (CCUgraphExec executable, CCUstream stream),                  \
    (executable, stream))

#define CCUDA_NVRTC_CALLS(X)                                                                       \
  X(cnvrtcVersion, "nvrtcVersion", (int *major, int *minor), (major, minor))                       \
  X(cnvrtcCreateProgram, "nvrtcCreateProgram",                                                     \
    (CNVRTCProgram * program, const char *source, const char *name, int headerCount,               \
     const char *const *headers, const char *const *headerNames),                                  \
    (program, source, name, headerCount, headers, headerNames))                                    \
  X(cnvrtcDestroyProgram, "nvrtcDestroyProgram", (CNVRTCProgram * program), (program))             \
  X(cnvrtcCompileProgram, "nvrtcCompileProgram",                                                   \
    (CNVRTCProgram program, int optionCount, const char *const *options),                          \
    (program, optionCount, options))                                                               \
  X(cnvrtcGetCUBINSize, "nvrtcGetCUBINSize", (CNVRTCProgram program, size_t *bytes),               \
    (program, bytes))                                                                              \
  X(cnvrtcGetCUBIN, "nvrtcGetCUBIN", (CNVRTCProgram program, char *image), (program, image))       \
  X(cnvrtcGetPTXSize, "nvrtcGetPTXSize", (CNVRTCProgram program, size_t *bytes), (program, bytes)) \
  X(cnvrtcGetPTX, "nvrtcGetPTX", (CNVRTCProgram program, char *text), (program, text))             \
  X(cnvrtcGetProgramLogSize, "nvrtcGetProgramLogSize", (CNVRTCProgram program, size_t *bytes),     \
    (program, bytes))                                                                              \
  X(cnvrtcGetProgramLog, "nvrtcGetProgramLog", (CNVRTCProgram program, char *log), (program, log))

#define CCUDA_DECLARE(name, symbol, parameters, arguments) int name parameters;
CCUDA_DRIVER_CALLS(CCUDA_DECLARE)
CCUDA_NVRTC_CALLS(CCUDA_DECLARE)
#undef CCUDA_DECLARE

/// Takes every call from `find`, which gives the function of a symbol or NULL, and opens no library: for
/// tests. Before anything is loaded.
void ccudaReplaceLibraries(void *(*find)(const char *symbol));

/// Loads the driver once. Returns NULL, or what is missing.
const char *ccudaLoadDriver(void);
/// Loads NVRTC once, trying each soname from 13 down. Returns NULL, or what is missing.
const char *ccudaLoadNVRTC(void);
/// NVRTC's name for a result.
const char *cnvrtcErrorText(int result);

/// Launches a kernel. `programmatic`: it may start while its predecessor still runs, and waits for
/// it with griddepcontrol. `cooperative`: all its blocks are resident together. `clusterZ`: so many
/// neighbours along z are on one part of the device and may read each other's shared memory.
int ccudaLaunch(CCUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                unsigned blockX, unsigned sharedBytes, CCUstream stream, void **arguments,
                int programmatic, int cooperative, unsigned clusterZ);

/// Reads a word that a device writes.
uint32_t ccudaLoadAcquire(const void *word);
/// Hints to the processor that this is a wait loop.
void ccudaPause(void);
