//go:build cuda && cgo && linux

package cuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const dependentMain = `package main

import (
	"fmt"

	"github.com/tandem-compute/tandem/internal/cuda"
)

func main() { fmt.Println(cuda.Status().Err) }
`

// A module that vendors this one builds with and without the tag, and the program starts: everything that the build
// needs survives vendoring. (The module's path lies inside ours, so that it may import an internal package.)
func TestVendoredDependent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a module")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	gosum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	const module = "module github.com/tandem-compute/tandem"
	write("main.go", dependentMain)
	write("go.sum", string(gosum))
	write("go.mod", module+"/dependent"+string(gomod)[len(module):]+
		"\nrequire github.com/tandem-compute/tandem v0.0.0\nreplace github.com/tandem-compute/tandem => "+root+"\n")

	run := func(env string, name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "CGO_CFLAGS=-I"+filepath.Join(dir, "vendor/github.com/tandem-compute/tandem/internal/cuda"), env)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s %v: %s", name, args, out)
		return string(out)
	}
	run("GOFLAGS=-mod=mod", "go", "mod", "vendor")
	for _, build := range []struct{ env, tags string }{{"CGO_ENABLED=1", ""}, {"CGO_ENABLED=0", ""}, {"CGO_ENABLED=0", "cuda"}, {"CGO_ENABLED=1", "cuda"}} {
		run(build.env, "go", "build", "-mod=vendor", "-tags="+build.tags, "-o", "dependent", ".")
		out := run("", filepath.Join(dir, "dependent"))
		if build.env == "CGO_ENABLED=1" && build.tags == "cuda" {
			require.NotContains(t, out, ErrNotBuilt.Error())
		} else {
			require.Contains(t, out, ErrNotBuilt.Error())
		}
	}
}
