package mutations

// ptx are mutations of the compiled CUDA kernels.
func ptx() []Mutation { return nil }
