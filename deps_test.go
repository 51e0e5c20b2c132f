package tandem

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/tandem-compute/tandem"

// A service that links Tandem gets arithmetic, not a web server: third-party modules are few and named here.
func TestDependenciesAreFew(t *testing.T) {
	for _, c := range []struct {
		packages []string
		tags     string
		allowed  []string
	}{
		{[]string{module, module + "/cpu"}, "", []string{"golang.org/x/sys"}},
		{[]string{module + "/weights", module + "/lm/tokenizer"}, "", []string{"golang.org/x/sys", "golang.org/x/text"}},
		{[]string{module, module + "/gpu"}, "cuda", []string{"golang.org/x/sys", "gorgonia.org/cu", "github.com/google/uuid", "github.com/pkg/errors"}},
	} {
		args := []string{"list", "-deps", "-tags", c.tags, "-f", "{{if .Module}}{{.Module.Path}}{{end}}"}
		cmd := exec.Command("go", append(args, c.packages...)...)
		cmd.Env = append(cmd.Environ(), "CGO_CFLAGS=-I"+include(t))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		for _, m := range strings.Fields(string(out)) {
			require.True(t, m == module || slices.Contains(c.allowed, m), "%v with tags %q links %s", c.packages, c.tags, m)
		}
	}
}

// include is the folder of the CUDA header.
func include(t *testing.T) string {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", module+"/internal/cuda").Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// Imports run one way: what stands higher in the house is never imported from below.
func TestImportsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-tags", "cuda", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	require.NoError(t, err)
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		from := room(words[0])
		for _, w := range words[1:] {
			if to := room(w); strings.HasPrefix(w, module) && to != from {
				require.Less(t, floor(to), floor(from), "%s imports %s", words[0], w)
			}
		}
	}
}

// room is the part of the house that a package belongs to.
func room(path string) string {
	r := strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
	parts := strings.Split(r, "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// floor orders the rooms: a room may import those below it.
func floor(room string) int {
	order := [][]string{
		{"internal/op"},
		{"internal/ptx", "internal/cuda", "kernels", "internal/ref", "internal/plan", "internal/npy"},
		{"internal/sim", "internal/parity"},
		{"cpu", "gpu"},
		{"internal/device"},
		{""},
		{"blas", "weights", "nn"},
		{"lm"},
		{"bench", "systems", "internal/mutations"},
		{"internal/cmd", "cmd"},
	}
	for i, rooms := range order {
		if slices.Contains(rooms, room) {
			return i
		}
	}
	return len(order)
}
