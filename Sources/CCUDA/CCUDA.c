// SPDX-License-Identifier: MIT
#include "CCUDA.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define CCUDA_DEFINE(name, symbol, parameters, arguments)                                          \
  static int(*name##Pointer) parameters;                                                           \
  int name parameters {                                                                            \
    return name##Pointer ? name##Pointer arguments : CCUDA_NOT_LOADED;                             \
  }
CCUDA_DRIVER_CALLS(CCUDA_DEFINE)
CCUDA_NVRTC_CALLS(CCUDA_DEFINE)

static const char *(*nvrtcErrorText)(int);

static char driverProblem[512];
static char nvrtcProblem[512];
static pthread_once_t driverOnce = PTHREAD_ONCE_INIT;
static pthread_once_t nvrtcOnce = PTHREAD_ONCE_INIT;

static void *(*replacement)(const char *symbol);

void ccudaReplaceLibraries(void *(*find)(const char *symbol)) { replacement = find; }

static void *open_library(const char *name) {
  return replacement ? (void *)replacement : dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

static void *find(void *library, const char *symbol) {
  return replacement ? replacement(symbol) : dlsym(library, symbol);
}

#define CCUDA_RESOLVE(name, symbol, parameters, arguments)                                         \
  if (!(*(void **)&name##Pointer = find(library, symbol)) && !missing) missing = symbol;

static void loadDriver(void) {
  void *library = open_library("libcuda.so.1");
  if (!library) {
    const char *reason = dlerror();
    snprintf(driverProblem, sizeof driverProblem, "%s", reason ? reason : "libcuda.so.1 not found");
    return;
  }
  const char *missing = NULL;
  CCUDA_DRIVER_CALLS(CCUDA_RESOLVE)
  if (missing) {
    snprintf(driverProblem, sizeof driverProblem, "libcuda.so.1 has no %s: driver too old", missing);
  }
}

static void loadNVRTC(void) {
  static const char *const names[] = {
    "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so",
    "/usr/local/cuda/lib64/libnvrtc.so.13", "/usr/local/cuda/lib64/libnvrtc.so.12",
    "/usr/local/cuda/lib64/libnvrtc.so"};
  void *library = NULL;
  for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) {
    library = open_library(names[i]);
  }
  if (!library) {
    snprintf(nvrtcProblem, sizeof nvrtcProblem, "libnvrtc.so.13 and libnvrtc.so.12 not found");
    return;
  }
  const char *missing = NULL;
  CCUDA_NVRTC_CALLS(CCUDA_RESOLVE)
  *(void **)&nvrtcErrorText = find(library, "nvrtcGetErrorString");
  if (missing) snprintf(nvrtcProblem, sizeof nvrtcProblem, "libnvrtc has no %s", missing);
}

const char *ccudaLoadDriver(void) {
  pthread_once(&driverOnce, loadDriver);
  return driverProblem[0] ? driverProblem : NULL;
}

const char *ccudaLoadNVRTC(void) {
  pthread_once(&nvrtcOnce, loadNVRTC);
  return nvrtcProblem[0] ? nvrtcProblem : NULL;
}

const char *cnvrtcErrorText(int result) {
  return nvrtcErrorText ? nvrtcErrorText(result) : "NVRTC is not loaded";
}

// CUlaunchAttribute and CUlaunchConfig, as the driver lays them out.
struct LaunchAttribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    int flag;
    unsigned cluster[3];
  } value;
};
struct LaunchConfiguration {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  CCUstream stream;
  struct LaunchAttribute *attributes;
  unsigned attributeCount;
};
_Static_assert(sizeof(struct LaunchAttribute) == 72, "CUlaunchAttribute has 72 bytes");
_Static_assert(sizeof(struct LaunchConfiguration) == 56, "CUlaunchConfig has 56 bytes");

enum { attributeCooperative = 2, attributeCluster = 4, attributeProgrammatic = 6 };

int ccudaLaunch(CCUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ,
                unsigned blockX, unsigned sharedBytes, CCUstream stream, void **arguments,
                int programmatic, int cooperative, unsigned clusterZ) {
  struct LaunchAttribute attributes[3];
  memset(attributes, 0, sizeof attributes);
  unsigned count = 0;
  if (programmatic) {
    attributes[count].id = attributeProgrammatic;
    attributes[count++].value.flag = 1;
  }
  if (cooperative) {
    attributes[count].id = attributeCooperative;
    attributes[count++].value.flag = 1;
  }
  if (clusterZ > 1) {
    attributes[count].id = attributeCluster;
    attributes[count].value.cluster[0] = attributes[count].value.cluster[1] = 1;
    attributes[count++].value.cluster[2] = clusterZ;
  }
  struct LaunchConfiguration configuration = {gridX, gridY, gridZ, blockX, 1, 1, sharedBytes,
                                              stream, attributes, count};
  return ccuLaunchKernelEx(&configuration, function, arguments, NULL);
}

uint32_t ccudaLoadAcquire(const void *word) {
  return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
}

void ccudaPause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
