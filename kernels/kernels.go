package kernels

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed ptx/*.ptx
var files embed.FS

// PTX returns the compiled module of a family, such as "gemm". The error names the families that exist.
func PTX(family string) (string, error) {
	text, err := files.ReadFile("ptx/" + family + ".ptx")
	if err != nil {
		return "", fmt.Errorf("kernels: no family %q among %s", family, strings.Join(Families(), ", "))
	}
	return string(text), nil
}

// Families lists the modules in alphabetical order.
func Families() []string {
	names, _ := fs.Glob(files, "ptx/*.ptx") // fails only on a malformed pattern
	for i, name := range names {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(name, "ptx/"), ".ptx")
	}
	return names
}
