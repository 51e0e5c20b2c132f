package kernels

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// PTX returns the compiled module of a family, such as "gemm". The error names the families that exist.
func PTX(family string) (string, error) {
	text, err := read(family)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid):
		return "", fmt.Errorf("kernels: no family %q among %s", family, strings.Join(list(), ", "))
	case err != nil:
		return "", fmt.Errorf("kernels: %s: %w", family, err)
	}
	return text, nil
}

// Families lists the modules in alphabetical order.
func Families() []string { return list() }
