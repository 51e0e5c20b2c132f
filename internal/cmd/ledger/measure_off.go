//go:build !(cuda && cgo && linux)

package main

import (
	"bytes"
	"errors"
)

func writeMeasured(*bytes.Buffer) error {
	return errors.New("the simulator, which the kernels are measured on, needs -tags cuda")
}
