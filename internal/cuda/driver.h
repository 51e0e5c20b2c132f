/* driver.h: the table through which every driver call goes. */
#ifndef TANDEM_CUDA_DRIVER_H
#define TANDEM_CUDA_DRIVER_H

#include "cuda.h"
#include "symbols.h"

#define SYMBOL_INDEX(name) SYMBOL_##name,
enum { TANDEM_CUDA_SYMBOLS(SYMBOL_INDEX) SYMBOL_COUNT };

/* A driver is a function per symbol (NULL where it has none), and the code that calls without a function answer. */
struct tandem_cuda_driver {
  char name[256];
  CUresult missing;
  void *function[SYMBOL_COUNT];
};

enum { TANDEM_CUDA_TRIED = 3 };

/* How the search for a driver library went: dlopen's or dlsym's complaint about every name tried, cuInit's answer. */
struct tandem_cuda_search {
  const char *tried[TANDEM_CUDA_TRIED];
  char problem[TANDEM_CUDA_TRIED][256];
  int count;
  int found;
  CUresult init;
};

/* tandem_cuda_entry returns the function behind a symbol, or NULL and the code to answer instead. */
void *tandem_cuda_entry(int symbol, CUresult *refused);

const char *tandem_cuda_symbol(int symbol);
const struct tandem_cuda_driver *tandem_cuda_current(void);
const struct tandem_cuda_search *tandem_cuda_search(void);

/* tandem_cuda_provide puts a driver in front of the library (NULL takes it away) and returns the one that was there. */
struct tandem_cuda_driver *tandem_cuda_provide(struct tandem_cuda_driver *driver);
struct tandem_cuda_driver *tandem_cuda_provided(void);

/* tandem_cuda_inject switches the question to tandemCudaInject before every call on or off. */
void tandem_cuda_inject(int on);

/* tandem_cuda_launch is cuLaunchKernel with its parameters as one array of 8-byte words: no allocation, one crossing. */
CUresult tandem_cuda_launch(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by,
                            unsigned int bz, unsigned int shared, CUstream stream, uint64_t *words, int count);

#endif
