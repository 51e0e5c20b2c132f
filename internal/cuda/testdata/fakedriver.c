/* A driver library for the tests of the search: it has the calls that every driver has, and none of them does anything. */
#ifndef INIT
#define INIT 0 /* what cuInit answers */
#endif

int cuInit(unsigned flags) { return INIT; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuDeviceGetCount(int *count) { *count = 3; return 0; }

#define DOES_NOTHING(name) int name(void) { return 0; }
DOES_NOTHING(cuDeviceGet)
DOES_NOTHING(cuDeviceGetAttribute)
DOES_NOTHING(cuDevicePrimaryCtxRetain)
DOES_NOTHING(cuCtxCreate_v2)
DOES_NOTHING(cuCtxSetCurrent)
DOES_NOTHING(cuCtxSynchronize)
DOES_NOTHING(cuMemAlloc_v2)
DOES_NOTHING(cuMemFree_v2)
DOES_NOTHING(cuMemcpyHtoD_v2)
DOES_NOTHING(cuMemcpyDtoH_v2)
DOES_NOTHING(cuModuleLoadData)
DOES_NOTHING(cuModuleGetFunction)
DOES_NOTHING(cuStreamCreate)
DOES_NOTHING(cuStreamSynchronize)
#ifndef NO_LAUNCH
DOES_NOTHING(cuLaunchKernel)
#endif
