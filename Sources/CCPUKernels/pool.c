// SPDX-License-Identifier: MIT
//
// One pool of threads for the process. A caller publishes a job, takes part in it and waits; workers
// spin for a while after a job, because the next of a step's hundreds of jobs is microseconds away,
// then sleep.

#define _GNU_SOURCE
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "CCPUKernels.h"

enum { MAX_THREADS = 64, SPINS = 3000 };

static pthread_mutex_t in_use = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t sleep_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int wanted_threads = 0;
static int running_workers = 0;

static void (*job_body)(void *, int);
static void *job_context;
static int job_tasks;
static atomic_int next_task;
/// Whether the job may be joined, and ENTRANT for each worker in it.
enum { OPEN = 1, ENTRANT = 2 };
static atomic_int attendance;
static atomic_uint generation;
static atomic_int active_workers;
static atomic_int sleepers;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void run_tasks(void) {
  for (;;) {
    int task = atomic_fetch_add_explicit(&next_task, 1, memory_order_relaxed);
    if (task >= job_tasks) return;
    job_body(job_context, task);
  }
}

/// Joins the job there is, unless it is over.
static bool enter(void) {
  int seen = atomic_load_explicit(&attendance, memory_order_relaxed);
  while (seen & OPEN)
    if (atomic_compare_exchange_weak_explicit(&attendance, &seen, seen + ENTRANT,
                                              memory_order_acquire, memory_order_relaxed))
      return true;
  return false;
}

/// A worker's number, and the generation it was born into.
typedef struct {
  int index;
  unsigned born;
} birth;

static birth births[MAX_THREADS];

static void *work(void *argument) {
  const birth *self = argument;
  int index = self->index;
  unsigned seen = self->born;
  for (;;) {
    int spins = 0;
    while (atomic_load_explicit(&generation, memory_order_acquire) == seen) {
      if (++spins < SPINS) {
        pause_briefly();
        continue;
      }
      pthread_mutex_lock(&sleep_lock);
      atomic_fetch_add(&sleepers, 1);
      while (atomic_load(&generation) == seen) pthread_cond_wait(&wake, &sleep_lock);
      atomic_fetch_sub(&sleepers, 1);
      pthread_mutex_unlock(&sleep_lock);
    }
    seen = atomic_load_explicit(&generation, memory_order_acquire);
    if (index < atomic_load_explicit(&active_workers, memory_order_relaxed) && enter()) {
      run_tasks();
      atomic_fetch_sub_explicit(&attendance, ENTRANT, memory_order_release);
    }
  }
  return NULL;
}

/// Processors that a container's quota is worth, rounded up; 0 without a quota. More threads than
/// that would be stopped in the middle of a job while the others wait for them.
static int quota_processors(void) {
  long long quota, period;
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
  if (!file) return 0;
  int read = fscanf(file, "%lld %lld", &quota, &period);
  fclose(file);
  return read == 2 && quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

static int available_processors(void) {
  cpu_set_t set;
  int count = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
  int quota = quota_processors();
  if (quota > 0 && quota < count) count = quota;
  return count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count;
}

int qt_thread_count(void) {
  if (wanted_threads == 0) wanted_threads = available_processors();
  return wanted_threads;
}

void qt_set_thread_count(int count) {
  pthread_mutex_lock(&in_use);
  wanted_threads = count < 1 ? 1 : count > MAX_THREADS ? MAX_THREADS : count;
  pthread_mutex_unlock(&in_use);
}

/// Starts missing workers; called with `in_use` held.
static void start_workers(int wanted) {
  while (running_workers < wanted) {
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    birth *self = &births[running_workers];
    *self = (birth){running_workers, atomic_load(&generation)};
    int failed = pthread_create(&thread, &attributes, work, self);
    pthread_attr_destroy(&attributes);
    // Fewer threads are slower, not wrong.
    if (failed) return;
    running_workers += 1;
  }
}

void qt_parallel(int tasks, void (*body)(void *, int), void *context) {
  if (tasks <= 1 || qt_thread_count() == 1 || pthread_mutex_trylock(&in_use) != 0) {
    for (int task = 0; task < tasks; task++) body(context, task);
    return;
  }
  start_workers(wanted_threads - 1);
  job_body = body;
  job_context = context;
  job_tasks = tasks;
  atomic_store_explicit(&next_task, 0, memory_order_relaxed);
  atomic_store_explicit(&active_workers, wanted_threads - 1, memory_order_relaxed);
  atomic_store_explicit(&attendance, OPEN, memory_order_release);
  atomic_fetch_add_explicit(&generation, 1, memory_order_seq_cst);
  if (atomic_load(&sleepers) > 0) {
    pthread_mutex_lock(&sleep_lock);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&sleep_lock);
  }
  run_tasks();
  // No task is left to take: only those who took one are waited for. A worker without a core, when
  // another program holds it, is not missed.
  atomic_fetch_and_explicit(&attendance, ~OPEN, memory_order_relaxed);
  int spins = 0;
  while (atomic_load_explicit(&attendance, memory_order_acquire) > 0) {
    pause_briefly();
    if (++spins % 512 == 0) sched_yield();
  }
  pthread_mutex_unlock(&in_use);
}
