// Package tandem is accelerated compute for Go: one API and two paths that agree, CUDA kernels when a GPU is there and
// pure Go with SIMD assembly when none is. One binary runs on both; nothing but the driver is needed at run time.
//
// # Computing
//
// A Device is a place to compute, a Tensor is data on it, and a Scope is the one way to compute:
//
//	dev, err := tandem.Open() // the best device: a GPU if there is one, else the CPU
//	if err != nil {
//		return err
//	}
//	defer dev.Close()
//	a, err := tandem.FromSlice(dev, []float32{1, 2, 3, 4}, 2, 2)
//	b, err := tandem.FromSlice(dev, []float32{5, 6, 7, 8}, 2, 2)
//	out := make([]float32, 4)
//	err = dev.Run(ctx, func(s *tandem.Scope) error {
//		return tandem.Read(s, s.MatMul(a, b), out)
//	})
//
// Methods of a Scope return tensors, not errors: the first error of the scope comes out of Read and Run, and after it
// ops do nothing. What they return is temporary and ends with the scope; Keep moves a result out, Release and Nest
// free memory early. A tensor from FromSlice, Zeros, Empty or Keep is persistent: Close frees it, and nothing else does.
// Ops make new tensors; Into names one to write instead:
//
//	s.Into(cache).Add(cache, update)
//
// # Devices
//
// The device is named when it is opened, in code or by TANDEM_DEVICE; Device.Why tells how it was chosen.
//
//	dev, err := tandem.Open(tandem.OnDevice("cuda:0"))
//	dev, err := tandem.Open(tandem.OnDevice("cpu"), tandem.Threads(4), tandem.Budget(8<<30))
//	dev, err := tandem.OpenNull() // on paper: shapes, memory and cost of a model, for a machine one does not have
//
// A tensor knows its device. Scope.From and Tensor.To copy between devices, and a Group joins several for collective
// operations. Nothing moves between devices unless it is asked to, and an op that a device has no kernel for is an
// error, not a detour.
//
// # Programs
//
// Compile records what a function does with a Scope. A Program replays it without shape checks, without planning and
// without a heap allocation, with all temporaries in one block of memory and, on a GPU, as one captured graph:
//
//	step, err := dev.Compile(func(s *tandem.Scope) error {
//		s.Record(params...)
//		s.Backward(loss(s), func(p, g tandem.Tensor) { s.Into(p).SubScaled(p, g, lr) })
//		return nil
//	})
//	err = step.Run(ctx)
//
// Go variables are frozen when it is recorded. What changes from run to run is a tensor, set by Write between runs or by
// an op within. Price tells what one run costs before it has run.
//
// # Gradients
//
// Record names parameters, Backward hands their gradients out one by one, each as soon as it is whole and nothing
// reads its parameter any more, so an update in the callback lets the memory go at once. Gradients returns them all.
// Overwriting a value that a gradient still needs is an error.
//
// # Errors
//
// Misuse is found before anything runs, by the same rules on every device, and says what was wrong with what:
//
//	tandem: matmul: a is f16[128,64], b is f16[32,256]: inner dimensions 64 and 32 differ (cuda:0)
//
// Errors are of type *OpError and wrap ErrShape, ErrDType, ErrDevice, ErrUnsupported, ErrOutOfMemory, ErrClosed, ErrScope
// or ErrAlias. A tensor that is used after its Close, outside its scope or on another device is such an error, never
// a read of somebody else's memory.
//
// A Device is safe for concurrent use; a Scope belongs to one goroutine.
package tandem
