// SPDX-License-Identifier: MIT
#include "FakeCUDA.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "CCUDA.h"

enum { SYMBOLS = 64, NODES = 65536, MEMORY_LIMIT = 1 << 30 };

static struct {
  const char *symbol;
  int nth, code, lasting, failed;
} fault;
static const char *hidden;
static int publishes = 1, devices = 1, processors = 4, architecture = 90, live;
static int programmatic, clusters, sharedBytes;
static struct {
  const char *symbol;
  int calls;
} counters[SYMBOLS];

// Over faults, counters and compilations: NVRTC is called from several threads.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int countedCall(const char *symbol) {
  if (fault.failed && fault.lasting) {
    // A device that fails for good refuses everything, a compiler what it refused before: its other
    // calls, in other threads, come sooner or later than the first failure.
    int isCompiler = !strncmp(fault.symbol, "nvrtc", 5);
    if (!isCompiler || !strcmp(fault.symbol, symbol)) return fault.code;
  }
  for (int i = 0; i < SYMBOLS; i++) {
    if (!counters[i].symbol) counters[i].symbol = symbol;
    if (strcmp(counters[i].symbol, symbol)) continue;
    counters[i].calls++;
    if (!fault.nth || strcmp(fault.symbol, symbol) || counters[i].calls != fault.nth) return 0;
    fault.failed = 1;
    return fault.code;
  }
  return 0;
}
// Counts a call; the code it has to return.
static int called(const char *symbol) {
  pthread_mutex_lock(&lock);
  int code = countedCall(symbol);
  pthread_mutex_unlock(&lock);
  return code;
}
#define CALLED(symbol)                                                                             \
  do {                                                                                             \
    int code = called(symbol);                                                                     \
    if (code) return code;                                                                         \
  } while (0)

// A launch of a kernel that does something.
struct node {
  int isPublish;
  uint64_t words[8];
};
struct CCUgraph {
  int count;
  struct node *nodes;
};
struct CCUstream {
  struct CCUgraph *recording;
};
struct CCUfunction {
  char name[64];
};
struct CCUmodule {
  struct CCUfunction functions[256];
  int count;
};
// The driver's CUlaunchConfig.
struct launch {
  unsigned grid[3], block[3], sharedBytes;
  struct CCUstream *stream;
  const struct {
    int id;
    char rest[68];
  } *attributes;
  unsigned attributeCount;
};

static void run(const struct node *node) {
  const uint64_t *w = node->words;
  if (!node->isPublish) {
    uint32_t *out = (uint32_t *)w[0];
    for (int64_t i = 0; i < (int64_t)w[2]; i++) out[i * (int64_t)w[1]] = (uint32_t)w[3];
    return;
  }
  if (!publishes) return;
  int32_t *counter = (int32_t *)w[4], entry = *counter, width = (int32_t)w[3];
  int32_t *place = (int32_t *)w[5] + (int32_t)((uint32_t)entry % (uint32_t)w[6]) * width;
  for (int i = 0; i < (int32_t)w[2]; i++) place[i] = ((int32_t *)w[0])[i * (int32_t)w[1]];
  *counter = entry + 1;
  __atomic_store_n((int32_t *)w[7], entry + 1, __ATOMIC_RELEASE);
}

static int launch(const void *configuration, struct CCUfunction *function, void **arguments,
                  void **extra) {
  CALLED("cuLaunchKernelEx");
  const struct launch *how = configuration;
  for (unsigned i = 0; i < how->attributeCount; i++) {
    clusters += how->attributes[i].id == 4;
    programmatic += how->attributes[i].id == 6;
  }
  int isPublish = !strcmp(function->name, "publish");
  if (!isPublish && strcmp(function->name, "fill")) return 0;
  struct node node = {isPublish, {0}};
  // publish: codes, stride, count, width, counter, ring, depth, published. fill: out, stride, count,
  // value.
  static const size_t sizes[2][8] = {{8, 8, 8, 4}, {8, 4, 4, 4, 8, 8, 4, 8}};
  for (int i = 0; i < 8 && sizes[isPublish][i]; i++)
    memcpy(&node.words[i], arguments[i], sizes[isPublish][i]);
  struct CCUgraph *graph = how->stream->recording;
  if (!graph) {
    run(&node);
  } else if (graph->count < NODES) {
    graph->nodes = realloc(graph->nodes, sizeof node * (size_t)(graph->count + 1));
    graph->nodes[graph->count++] = node;
  }
  return 0;
}

static int init(unsigned flags) { return called("cuInit"); }
static int driverVersion(int *version) {
  *version = 13000;
  return called("cuDriverGetVersion");
}
static int deviceCount(int *count) {
  *count = devices;
  return called("cuDeviceGetCount");
}
static int device(int *out, int ordinal) {
  *out = ordinal;
  return called("cuDeviceGet");
}
static int deviceName(char *name, int size, int device) {
  if (device) snprintf(name, (size_t)size, "Fake %d", device);
  else strncpy(name, "Fake", (size_t)size);
  return called("cuDeviceGetName");
}
static int attribute(int *value, int attribute, int device) {
  CALLED("cuDeviceGetAttribute");
  // Processors, shared memory a block may have, cooperative launches, compute capability.
  *value = attribute == 16 ? processors : attribute == 97 ? 232448 : attribute == 95 ? 1
         : attribute == 75 ? architecture / 10 : attribute == 76 ? architecture % 10 : 0;
  return 0;
}
static int retain(CCUcontext *context, int device) {
  CALLED("cuDevicePrimaryCtxRetain");
  live++;
  *context = (CCUcontext)&live;
  return 0;
}
static int release(int device) {
  live--;
  return called("cuDevicePrimaryCtxRelease_v2");
}
static int setCurrent(CCUcontext context) { return called("cuCtxSetCurrent"); }
static int errorName(int error, const char **text) {
  *text = error == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : error == 100 ? "CUDA_ERROR_NO_DEVICE"
        : error == 719 ? "CUDA_ERROR_LAUNCH_FAILED"
        : error == 803 ? "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH" : "CUDA_ERROR_OTHER";
  return 0;
}

static int allocate(uint64_t *address, size_t bytes) {
  CALLED("cuMemAlloc_v2");
  if (bytes > MEMORY_LIMIT) return 2;
  live++;
  *address = (uint64_t)calloc(1, bytes);
  return 0;
}
static int freeMemory(uint64_t address) {
  free((void *)address);
  live--;
  return called("cuMemFree_v2");
}
static int memoryInfo(size_t *available, size_t *total) {
  *available = *total = MEMORY_LIMIT;
  return called("cuMemGetInfo_v2");
}
static int hostAllocate(void **memory, size_t bytes, unsigned flags) {
  CALLED("cuMemHostAlloc");
  live++;
  *memory = calloc(1, bytes);
  return 0;
}
static int hostFree(void *memory) {
  free(memory);
  live--;
  return called("cuMemFreeHost");
}
static int hostAddress(uint64_t *address, void *memory, unsigned flags) {
  *address = (uint64_t)memory;
  return called("cuMemHostGetDevicePointer_v2");
}
static int upload(uint64_t to, const void *from, size_t bytes, CCUstream stream) {
  CALLED("cuMemcpyHtoDAsync_v2");
  memcpy((void *)to, from, bytes);
  return 0;
}
static int download(void *to, uint64_t from, size_t bytes, CCUstream stream) {
  CALLED("cuMemcpyDtoHAsync_v2");
  memcpy(to, (void *)from, bytes);
  return 0;
}
static int set(uint64_t to, unsigned char value, size_t count, CCUstream stream) {
  CALLED("cuMemsetD8Async");
  memset((void *)to, value, count);
  return 0;
}

static int makeStream(CCUstream *stream, unsigned flags) {
  CALLED("cuStreamCreate");
  live++;
  *stream = calloc(1, sizeof **stream);
  return 0;
}
static int destroyStream(CCUstream stream) {
  free(stream);
  live--;
  return called("cuStreamDestroy_v2");
}
static int synchronize(CCUstream stream) { return called("cuStreamSynchronize"); }
static int query(CCUstream stream) { return called("cuStreamQuery"); }
static int waitEvent(CCUstream stream, CCUevent event, unsigned flags) {
  return called("cuStreamWaitEvent");
}
static int beginCapture(CCUstream stream, int mode) {
  CALLED("cuStreamBeginCapture_v2");
  live++;
  stream->recording = calloc(1, sizeof *stream->recording);
  return 0;
}
static int endCapture(CCUstream stream, CCUgraph *graph) {
  *graph = stream->recording;
  stream->recording = NULL;
  int code = called("cuStreamEndCapture");
  // A recording that failed is the driver's to destroy.
  if (code && *graph) {
    free((*graph)->nodes);
    free(*graph);
    *graph = NULL;
    live--;
  }
  return code;
}

static int makeEvent(CCUevent *event, unsigned flags) {
  CALLED("cuEventCreate");
  live++;
  *event = malloc(1);
  return 0;
}
static int destroyEvent(CCUevent event) {
  free(event);
  live--;
  return called("cuEventDestroy_v2");
}
static int recordEvent(CCUevent event, CCUstream stream) { return called("cuEventRecord"); }
static int queryEvent(CCUevent event) { return called("cuEventQuery"); }
static int waitForEvent(CCUevent event) { return called("cuEventSynchronize"); }
static int elapsed(float *ms, CCUevent start, CCUevent end) {
  *ms = 1;
  return called("cuEventElapsedTime");
}

static int ptxModules;
static int loadModule(CCUmodule *module, const void *image) {
  CALLED("cuModuleLoadData");
  if (!strncmp(image, ".version", 8)) ptxModules++;
  live++;
  *module = calloc(1, sizeof **module);
  return 0;
}
static int unloadModule(CCUmodule module) {
  free(module);
  live--;
  return called("cuModuleUnload");
}
static int findFunction(CCUfunction *function, CCUmodule module, const char *name) {
  CALLED("cuModuleGetFunction");
  *function = &module->functions[module->count++ % 256];
  strncpy((*function)->name, name, sizeof (*function)->name - 1);
  return 0;
}
static int functionAttribute(int *value, int attribute, CCUfunction function) {
  *value = 0;
  return called("cuFuncGetAttribute");
}
static int setFunctionAttribute(CCUfunction function, int attribute, int value) {
  if (attribute == 8 && value > sharedBytes) sharedBytes = value;
  return called("cuFuncSetAttribute");
}

static int instantiate(CCUgraphExec *executable, CCUgraph graph, unsigned long long flags) {
  CALLED("cuGraphInstantiateWithFlags");
  live++;
  struct CCUgraph *copy = malloc(sizeof *copy);
  size_t bytes = sizeof(struct node) * (size_t)graph->count;
  *copy = (struct CCUgraph){graph->count, malloc(bytes + 1)};
  if (bytes) memcpy(copy->nodes, graph->nodes, bytes);
  *executable = (CCUgraphExec)copy;
  return 0;
}
static int destroyGraph(CCUgraph graph) {
  free(graph->nodes);
  free(graph);
  live--;
  return called("cuGraphDestroy");
}
static int destroyExecutable(CCUgraphExec executable) {
  struct CCUgraph *graph = (struct CCUgraph *)executable;
  free(graph->nodes);
  free(graph);
  live--;
  return called("cuGraphExecDestroy");
}
static int uploadGraph(CCUgraphExec executable, CCUstream stream) { return called("cuGraphUpload"); }
static int launchGraph(CCUgraphExec executable, CCUstream stream) {
  CALLED("cuGraphLaunch");
  const struct CCUgraph *graph = (const struct CCUgraph *)executable;
  for (int i = 0; i < graph->count; i++) run(&graph->nodes[i]);
  return 0;
}

struct CNVRTCProgram {
  int isVirtual;
};
static char target[64];
static int nvrtcVersion(int *major, int *minor) {
  *major = 0, *minor = 1;
  return 0;
}
static int makeProgram(CNVRTCProgram *program, const char *source, const char *name, int count,
                       const char *const *headers, const char *const *names) {
  *program = calloc(1, sizeof **program);
  return 0;
}
static int destroyProgram(CNVRTCProgram *program) {
  free(*program);
  return 0;
}
static int together, underWay;
static pthread_cond_t met = PTHREAD_COND_INITIALIZER;
static int compile(CNVRTCProgram program, int count, const char *const *options) {
  struct timespec end;
  clock_gettime(CLOCK_REALTIME, &end);
  end.tv_sec += 60;
  int waiting = 0;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < count; i++) {
    if (strncmp(options[i], "--gpu-architecture=", 19)) continue;
    strncpy(target, options[i] + 19, sizeof target - 1);
    program->isVirtual = !strncmp(target, "compute_", 8);
  }
  if (++underWay >= together) {
    together = 0;
    pthread_cond_broadcast(&met);
  }
  while (underWay < together && !waiting) waiting = pthread_cond_timedwait(&met, &lock, &end);
  underWay--;
  pthread_mutex_unlock(&lock);
  if (waiting) return 11;
  return called("nvrtcCompileProgram");
}
// As NVRTC says it: of a virtual architecture there is no machine code.
static int imageSize(CNVRTCProgram program, size_t *bytes) {
  *bytes = program->isVirtual ? 0 : 4;
  return 0;
}
static int textSize(CNVRTCProgram program, size_t *bytes) {
  *bytes = sizeof ".version";
  return 0;
}
static int text(CNVRTCProgram program, char *text) {
  memcpy(text, ".version", sizeof ".version");
  return 0;
}
static int image(CNVRTCProgram program, char *image) {
  memcpy(image, "fake", 4);
  return 0;
}
static const char complaint[] = "kernels.cu(7): error: a fake complaint";
static int logSize(CNVRTCProgram program, size_t *bytes) {
  *bytes = sizeof complaint;
  return 0;
}
static int compilerLog(CNVRTCProgram program, char *log) {
  memcpy(log, complaint, sizeof complaint);
  return 0;
}
static const char *nvrtcError(int code) {
  return code == 6 ? "NVRTC_ERROR_COMPILATION" : "NVRTC_ERROR";
}

static const struct {
  const char *symbol;
  void *function;
} driver[] = {
  {"cuInit", init},
  {"cuDriverGetVersion", driverVersion},
  {"cuDeviceGetCount", deviceCount},
  {"cuDeviceGet", device},
  {"cuDeviceGetName", deviceName},
  {"cuDeviceGetAttribute", attribute},
  {"cuDevicePrimaryCtxRetain", retain},
  {"cuDevicePrimaryCtxRelease_v2", release},
  {"cuCtxSetCurrent", setCurrent},
  {"cuGetErrorName", errorName},
  {"cuGetErrorString", errorName},
  {"cuMemAlloc_v2", allocate},
  {"cuMemFree_v2", freeMemory},
  {"cuMemGetInfo_v2", memoryInfo},
  {"cuMemHostAlloc", hostAllocate},
  {"cuMemFreeHost", hostFree},
  {"cuMemHostGetDevicePointer_v2", hostAddress},
  {"cuMemcpyHtoDAsync_v2", upload},
  {"cuMemcpyDtoHAsync_v2", download},
  {"cuMemsetD8Async", set},
  {"cuStreamCreate", makeStream},
  {"cuStreamDestroy_v2", destroyStream},
  {"cuStreamSynchronize", synchronize},
  {"cuStreamQuery", query},
  {"cuStreamWaitEvent", waitEvent},
  {"cuStreamBeginCapture_v2", beginCapture},
  {"cuStreamEndCapture", endCapture},
  {"cuEventCreate", makeEvent},
  {"cuEventDestroy_v2", destroyEvent},
  {"cuEventRecord", recordEvent},
  {"cuEventQuery", queryEvent},
  {"cuEventSynchronize", waitForEvent},
  {"cuEventElapsedTime", elapsed},
  {"cuModuleLoadData", loadModule},
  {"cuModuleUnload", unloadModule},
  {"cuModuleGetFunction", findFunction},
  {"cuFuncGetAttribute", functionAttribute},
  {"cuFuncSetAttribute", setFunctionAttribute},
  {"cuLaunchKernelEx", launch},
  {"cuGraphInstantiateWithFlags", instantiate},
  {"cuGraphDestroy", destroyGraph},
  {"cuGraphExecDestroy", destroyExecutable},
  {"cuGraphUpload", uploadGraph},
  {"cuGraphLaunch", launchGraph},
};
static const struct {
  const char *symbol;
  void *function;
} nvrtc[] = {
  {"nvrtcVersion", nvrtcVersion},
  {"nvrtcCreateProgram", makeProgram},
  {"nvrtcDestroyProgram", destroyProgram},
  {"nvrtcCompileProgram", compile},
  {"nvrtcGetCUBINSize", imageSize},
  {"nvrtcGetCUBIN", image},
  {"nvrtcGetPTXSize", textSize},
  {"nvrtcGetPTX", text},
  {"nvrtcGetProgramLogSize", logSize},
  {"nvrtcGetProgramLog", compilerLog},
  {"nvrtcGetErrorString", nvrtcError},
};

static void *find(const char *symbol) {
  if (hidden && !strcmp(symbol, hidden)) return NULL;
  for (size_t i = 0; i < sizeof driver / sizeof *driver; i++)
    if (!strcmp(driver[i].symbol, symbol)) return driver[i].function;
  for (size_t i = 0; i < sizeof nvrtc / sizeof *nvrtc; i++)
    if (!strcmp(nvrtc[i].symbol, symbol)) return nvrtc[i].function;
  return NULL;
}

void fakeCUDAInstall(void) { ccudaReplaceLibraries(find); }
void fakeCUDAHide(const char *symbol) { hidden = strdup(symbol); }
void fakeCUDAFail(const char *symbol, int nth, int code, int lasting) {
  pthread_mutex_lock(&lock);
  for (int i = 0; i < SYMBOLS; i++) counters[i].calls = 0;
  fault.symbol = strdup(symbol);
  fault.nth = nth, fault.code = code, fault.lasting = lasting, fault.failed = 0;
  pthread_mutex_unlock(&lock);
}
int fakeCUDACalls(const char *symbol) {
  int calls = 0;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < SYMBOLS && counters[i].symbol; i++)
    if (!strcmp(counters[i].symbol, symbol)) calls = counters[i].calls;
  pthread_mutex_unlock(&lock);
  return calls;
}
void fakeCUDACompileTogether(int count) { together = count; }
void fakeCUDADevices(int count) { devices = count; }
void fakeCUDAProcessors(int count) { processors = count; }
void fakeCUDAArchitecture(int number) { architecture = number; }
const char *fakeCUDACompilerTarget(void) { return target; }
int fakeCUDAPTXModules(void) { return ptxModules; }
int fakeCUDAProgrammaticLaunches(void) { return programmatic; }
int fakeCUDAClusterLaunches(void) { return clusters; }
int fakeCUDAMostSharedBytes(void) { return sharedBytes; }
void fakeCUDAPublishes(int does) { publishes = does; }
int fakeCUDALiveObjects(void) { return live; }
const char *fakeCUDASymbol(int index) {
  return index < (int)(sizeof driver / sizeof *driver) ? driver[index].symbol : NULL;
}
