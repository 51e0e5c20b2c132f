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
//
// # What is not
//
// Devices have no time and no parallelism between streams: work runs while it is enqueued, or, with Config.Deferred, as
// late as the program's synchronization allows, which uncovers synchronization that is missing. All devices share one
// address space, and a kernel may reach the memory of any of them. Managed and mapped memory, textures, the linker and
// cubins answer ErrNotSupported.
//
// The package needs the build tag cuda, cgo and Linux, like the driver it stands in for.
package sim
