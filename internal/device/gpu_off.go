//go:build !(cuda && cgo && linux)

package device

import "github.com/tandem-compute/tandem/internal/op"

// openGPU says why this binary has no GPU path.
func openGPU(string) (op.Backend, []string, error) {
	const reason = "cuda: this binary was built without the tag cuda"
	return nil, []string{reason}, op.Errorf(op.ErrDevice, "%s: build with -tags cuda, cgo and Linux", reason)
}
