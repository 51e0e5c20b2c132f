// Package sim is a CUDA driver without a GPU: it answers the driver calls of internal/cuda and runs kernels with the PTX
// interpreter of internal/ptx. After [Install], code that uses gorgonia.org/cu works unchanged on imaginary devices; the
// very PTX that ships runs behind the very binding that ships.
//
//	cu.Function.Launch ─► cuLaunchKernel (trampoline) ─► table ─► simLaunchKernel ─► ptx.Kernel.Run
//
// # What is faithful
//
// Contexts are current per OS thread. Work enqueued on a stream is in order; events, stream capture and graphs follow
// the driver's rules and answer its codes when they are broken. A kernel that faults poisons its context: every later
// call there answers the same code, as on a device, and [LastFault] has the interpreter's account of it. Parameters are
// read with the sizes that the PTX declares. Launch limits, the memory limit and the compute capability are checked.
// Each device has its own range of addresses: a kernel that follows a pointer of another device faults, unless its
// context was given peer access. Every load of a module has its own variables.
//
// # What is not
//
// Devices have no time and no parallelism between streams: work runs while it is enqueued, or, with Config.Deferred, as
// late as the program's synchronization allows, which uncovers synchronization that is missing. Managed and mapped
// memory, arrays and textures, copies in two and three dimensions, graphs built from nodes other than kernels, the linker
// and cubins answer ErrNotSupported.
//
// The package needs the build tag cuda, cgo and Linux, like the driver it stands in for.
package sim
