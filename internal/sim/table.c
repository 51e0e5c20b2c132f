//go:build cuda && cgo && linux

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* cgo writes the prototypes of exported Go functions without const; without it here, too, the two can be compared. */
#define const
#include "_cgo_export.h"
#undef const

#include "table.h"

/* CALLS applies X to every driver call that the simulator answers, and to the Go function behind it. */
#define CALLS(X) \
  X(cuDriverGetVersion, simDriverGetVersion) \
  X(cuDeviceGetCount, simDeviceGetCount) \
  X(cuDeviceGet, simDeviceGet) \
  X(cuDeviceGetName, simDeviceGetName) \
  X(cuDeviceGetUuid, simDeviceGetUuid) \
  X(cuDeviceGetAttribute, simDeviceGetAttribute) \
  X(cuDeviceTotalMem_v2, simDeviceTotalMem) \
  X(cuDeviceCanAccessPeer, simDeviceCanAccessPeer) \
  X(cuDeviceGetP2PAttribute, simDeviceGetP2PAttribute) \
  X(cuDevicePrimaryCtxRetain, simDevicePrimaryCtxRetain) \
  X(cuDevicePrimaryCtxRelease_v2, simDevicePrimaryCtxRelease) \
  X(cuDevicePrimaryCtxReset_v2, simDevicePrimaryCtxReset) \
  X(cuDevicePrimaryCtxGetState, simDevicePrimaryCtxGetState) \
  X(cuDevicePrimaryCtxSetFlags_v2, simDevicePrimaryCtxSetFlags) \
  X(cuCtxCreate_v2, simCtxCreate) \
  X(cuCtxDestroy_v2, simCtxDestroy) \
  X(cuCtxPushCurrent_v2, simCtxPushCurrent) \
  X(cuCtxPopCurrent_v2, simCtxPopCurrent) \
  X(cuCtxSetCurrent, simCtxSetCurrent) \
  X(cuCtxGetCurrent, simCtxGetCurrent) \
  X(cuCtxGetDevice, simCtxGetDevice) \
  X(cuCtxGetFlags, simCtxGetFlags) \
  X(cuCtxGetApiVersion, simCtxGetApiVersion) \
  X(cuCtxGetCacheConfig, simCtxGetCacheConfig) \
  X(cuCtxSetCacheConfig, simCtxSetCacheConfig) \
  X(cuCtxGetLimit, simCtxGetLimit) \
  X(cuCtxSetLimit, simCtxSetLimit) \
  X(cuCtxGetStreamPriorityRange, simCtxGetStreamPriorityRange) \
  X(cuCtxSynchronize, simCtxSynchronize) \
  X(cuCtxEnablePeerAccess, simCtxEnablePeerAccess) \
  X(cuCtxDisablePeerAccess, simCtxDisablePeerAccess) \
  X(cuMemGetInfo_v2, simMemGetInfo) \
  X(cuMemAlloc_v2, simMemAlloc) \
  X(cuMemAllocPitch_v2, simMemAllocPitch) \
  X(cuMemFree_v2, simMemFree) \
  X(cuMemAllocAsync, simMemAllocAsync) \
  X(cuMemFreeAsync, simMemFreeAsync) \
  X(cuMemHostAlloc, simMemHostAlloc) \
  X(cuMemFreeHost, simMemFreeHost) \
  X(cuMemGetAddressRange_v2, simMemGetAddressRange) \
  X(cuPointerGetAttribute, simPointerGetAttribute) \
  X(cuMemcpy, simMemcpy) \
  X(cuMemcpyAsync, simMemcpyAsync) \
  X(cuMemcpyHtoD_v2, simMemcpyHtoD) \
  X(cuMemcpyHtoDAsync_v2, simMemcpyHtoDAsync) \
  X(cuMemcpyDtoH_v2, simMemcpyDtoH) \
  X(cuMemcpyDtoHAsync_v2, simMemcpyDtoHAsync) \
  X(cuMemcpyDtoD_v2, simMemcpyDtoD) \
  X(cuMemcpyDtoDAsync_v2, simMemcpyDtoDAsync) \
  X(cuMemcpyPeer, simMemcpyPeer) \
  X(cuMemcpyPeerAsync, simMemcpyPeerAsync) \
  X(cuMemsetD8_v2, simMemsetD8) \
  X(cuMemsetD16_v2, simMemsetD16) \
  X(cuMemsetD32_v2, simMemsetD32) \
  X(cuMemsetD8Async, simMemsetD8Async) \
  X(cuMemsetD16Async, simMemsetD16Async) \
  X(cuMemsetD32Async, simMemsetD32Async) \
  X(cuMemsetD2D8_v2, simMemsetD2D8) \
  X(cuMemsetD2D16_v2, simMemsetD2D16) \
  X(cuMemsetD2D32_v2, simMemsetD2D32) \
  X(cuMemsetD2D8Async, simMemsetD2D8Async) \
  X(cuMemsetD2D16Async, simMemsetD2D16Async) \
  X(cuMemsetD2D32Async, simMemsetD2D32Async) \
  X(cuStreamCreate, simStreamCreate) \
  X(cuStreamCreateWithPriority, simStreamCreateWithPriority) \
  X(cuStreamDestroy_v2, simStreamDestroy) \
  X(cuStreamGetFlags, simStreamGetFlags) \
  X(cuStreamGetPriority, simStreamGetPriority) \
  X(cuStreamQuery, simStreamQuery) \
  X(cuStreamSynchronize, simStreamSynchronize) \
  X(cuStreamWaitEvent, simStreamWaitEvent) \
  X(cuStreamBeginCapture_v2, simStreamBeginCapture) \
  X(cuStreamEndCapture, simStreamEndCapture) \
  X(cuStreamIsCapturing, simStreamIsCapturing) \
  X(cuEventCreate, simEventCreate) \
  X(cuEventDestroy_v2, simEventDestroy) \
  X(cuEventRecord, simEventRecord) \
  X(cuEventQuery, simEventQuery) \
  X(cuEventSynchronize, simEventSynchronize) \
  X(cuEventElapsedTime, simEventElapsedTime) \
  X(cuModuleLoad, simModuleLoad) \
  X(cuModuleLoadData, simModuleLoadData) \
  X(cuModuleLoadDataEx, simModuleLoadDataEx) \
  X(cuModuleUnload, simModuleUnload) \
  X(cuModuleGetFunction, simModuleGetFunction) \
  X(cuModuleGetGlobal_v2, simModuleGetGlobal) \
  X(cuFuncGetAttribute, simFuncGetAttribute) \
  X(cuFuncSetAttribute, simFuncSetAttribute) \
  X(cuFuncSetCacheConfig, simFuncSetCacheConfig) \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor, simOccupancy) \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags, simOccupancyWithFlags) \
  X(cuLaunchKernel, simLaunchKernel) \
  X(cuGraphCreate, simGraphCreate) \
  X(cuGraphDestroy, simGraphDestroy) \
  X(cuGraphClone, simGraphClone) \
  X(cuGraphAddEmptyNode, simGraphAddEmptyNode) \
  X(cuGraphAddKernelNode, simGraphAddKernelNode) \
  X(cuGraphAddDependencies, simGraphAddDependencies) \
  X(cuGraphGetEdges, simGraphGetEdges) \
  X(cuGraphGetNodes, simGraphGetNodes) \
  X(cuGraphInstantiateWithFlags, simGraphInstantiateWithFlags) \
  X(cuGraphLaunch, simGraphLaunch) \
  X(cuGraphExecDestroy, simGraphExecDestroy)

#define SAME_TYPE(call, function) \
  _Static_assert(__builtin_types_compatible_p(__typeof__(call), __typeof__(function)), #function " is no " #call);
CALLS(SAME_TYPE)

#define ENTRY(call, function) {#call, (void *)function},
static const struct sim_entry table[] = {CALLS(ENTRY)};

const struct sim_entry *sim_table(int *count) {
  *count = sizeof table / sizeof *table;
  return table;
}
