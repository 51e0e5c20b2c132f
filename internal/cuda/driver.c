//go:build cuda && cgo && linux

#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "driver.h"

/* tandemCudaInject is Go: the code with which a symbol shall fail, or a negative number. */
extern int tandemCudaInject(int symbol);

#define SYMBOL_NAME(name) #name,
static const char *const symbol_names[SYMBOL_COUNT] = {TANDEM_CUDA_SYMBOLS(SYMBOL_NAME)};

/* Without these there is no driver worth the name: a library that lacks one is treated as no driver. */
static const int core[] = {
    SYMBOL_cuInit,           SYMBOL_cuDriverGetVersion, SYMBOL_cuDeviceGetCount,  SYMBOL_cuDeviceGet,
    SYMBOL_cuCtxCreate_v2,   SYMBOL_cuCtxSetCurrent,    SYMBOL_cuCtxSynchronize,  SYMBOL_cuDeviceGetAttribute,
    SYMBOL_cuMemAlloc_v2,    SYMBOL_cuMemFree_v2,       SYMBOL_cuModuleLoadData,  SYMBOL_cuModuleGetFunction,
    SYMBOL_cuMemcpyHtoD_v2,  SYMBOL_cuMemcpyDtoH_v2,    SYMBOL_cuLaunchKernel,    SYMBOL_cuDevicePrimaryCtxRetain,
    SYMBOL_cuStreamCreate,   SYMBOL_cuStreamSynchronize};

/* The loader's own search first, then the places of WSL and NixOS, which the loader may not know. */
static const char *const library_names[TANDEM_CUDA_TRIED] = {
    "libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/run/opengl-driver/lib/libcuda.so.1"};

static struct tandem_cuda_driver library = {.missing = CUDA_ERROR_NO_DEVICE};
static struct tandem_cuda_search search;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic(struct tandem_cuda_driver *) provider;
static atomic_int injecting;

/* resolve fills the table from an open library; it returns the name of a core symbol that is missing, or NULL. */
static const char *resolve(void *handle) {
  for (int i = 0; i < SYMBOL_COUNT; i++) library.function[i] = dlsym(handle, symbol_names[i]);
  for (size_t i = 0; i < sizeof core / sizeof *core; i++)
    if (!library.function[core[i]]) return symbol_names[core[i]];
  return NULL;
}

static void forget(CUresult why) {
  memset(library.function, 0, sizeof library.function);
  library.missing = why;
}

static void load(void) {
  for (int i = 0; i < TANDEM_CUDA_TRIED; i++) {
    char *problem = search.problem[i];
    search.tried[search.count++] = library_names[i];
    void *handle = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      const char *why = dlerror();
      snprintf(problem, sizeof search.problem[i], "%s", why ? why : "dlopen failed");
      continue;
    }
    const char *lacks = resolve(handle);
    if (lacks) {
      snprintf(problem, sizeof search.problem[i], "%s: no symbol %s", library_names[i], lacks);
      forget(CUDA_ERROR_NO_DEVICE);
      dlclose(handle);
      continue;
    }
    struct link_map *map = NULL;
    const char *path = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map ? map->l_name : library_names[i];
    snprintf(library.name, sizeof library.name, "%s", path);
    search.found = 1;
    search.init = ((CUresult(CUDAAPI *)(unsigned int))library.function[SYMBOL_cuInit])(0);
    if (search.init == CUDA_SUCCESS)
      library.missing = CUDA_ERROR_NOT_SUPPORTED;
    else
      forget(search.init);
    return;
  }
}

const struct tandem_cuda_driver *tandem_cuda_current(void) {
  struct tandem_cuda_driver *p = atomic_load_explicit(&provider, memory_order_acquire);
  if (p) return p;
  pthread_once(&once, load);
  return &library;
}

const struct tandem_cuda_search *tandem_cuda_search(void) {
  pthread_once(&once, load);
  return &search;
}

struct tandem_cuda_driver *tandem_cuda_provide(struct tandem_cuda_driver *driver) {
  return atomic_exchange_explicit(&provider, driver, memory_order_acq_rel);
}

struct tandem_cuda_driver *tandem_cuda_provided(void) {
  return atomic_load_explicit(&provider, memory_order_acquire);
}

void tandem_cuda_inject(int on) { atomic_store_explicit(&injecting, on, memory_order_relaxed); }

const char *tandem_cuda_symbol(int symbol) { return symbol_names[symbol]; }

void *tandem_cuda_entry(int symbol, CUresult *refused) {
  if (atomic_load_explicit(&injecting, memory_order_relaxed)) {
    int code = tandemCudaInject(symbol);
    if (code >= 0) {
      *refused = (CUresult)code;
      return NULL;
    }
  }
  const struct tandem_cuda_driver *driver = tandem_cuda_current();
  *refused = driver->missing;
  return driver->function[symbol];
}

/*
 * gorgonia.org/cu calls cuInit from a package initializer and exits the process if it fails. It therefore always
 * succeeds, and does nothing: the library is initialized when the first real call needs it, so that a program that
 * never computes on a GPU does not pay for one.
 */
CUresult CUDAAPI cuInit(unsigned int flags) {
  (void)flags;
  return CUDA_SUCCESS;
}

enum { MAX_PARAMETERS = 544 }; /* the most that fits the 4352 bytes that PTX allows */

CUresult tandem_cuda_launch(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by,
                            unsigned int bz, unsigned int shared, CUstream stream, uint64_t *words, int count) {
  void *params[MAX_PARAMETERS];
  if (count > MAX_PARAMETERS) return CUDA_ERROR_INVALID_VALUE;
  for (int i = 0; i < count; i++) params[i] = &words[i];
  return cuLaunchKernel(f, gx, gy, gz, bx, by, bz, shared, stream, params, NULL);
}
