package kernels_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/kernels"
)

func TestEveryKernelDecodes(t *testing.T) {
	home := map[string]string{}
	for _, family := range kernels.Families() {
		m := module(t, family)
		require.NotEmpty(t, m.Entries(), family)
		for _, name := range m.Entries() {
			require.Empty(t, home[name], "%s is in %s too", name, family)
			home[name] = family
			k, err := m.Entry(name)
			require.NoError(t, err, "%s: %s", family, name)
			for _, p := range k.Params() {
				require.LessOrEqual(t, p.Size, 8, "%s: %s", name, p.Name)
			}
			require.LessOrEqual(t, k.StaticShared(), 48<<10, name)
		}
	}
	require.Greater(t, len(home), 100)
}

func TestUnknownFamily(t *testing.T) {
	for _, name := range []string{"alchemy", "", "../ptx/gemm"} {
		_, err := kernels.PTX(name)
		require.ErrorContains(t, err, "no family \""+name+"\"")
		require.ErrorContains(t, err, "gemm")
	}
}

// What is embedded is the text that is committed to be read.
func TestPackedIsTheText(t *testing.T) {
	texts, err := filepath.Glob("ptx/*.ptx")
	require.NoError(t, err)
	require.Len(t, texts, len(kernels.Families()), "run make kernels, or remove what has no source")
	for _, file := range texts {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		packed, err := kernels.PTX(strings.TrimSuffix(filepath.Base(file), ".ptx"))
		require.NoError(t, err)
		require.True(t, packed == string(text), "%s: %s.gz holds another text: run make kernels", file, file)
	}
}

// The committed PTX is what the sources give, to the byte.
func TestRebuild(t *testing.T) {
	if _, err := exec.LookPath("clang++-19"); err != nil {
		t.Skip("clang++-19 is not installed: the committed PTX is not compared with its sources")
	}
	if testing.Short() {
		t.Skip("-short: the committed PTX is not compared with its sources")
	}
	sources, err := filepath.Glob("*.cu")
	require.NoError(t, err)
	require.Len(t, sources, len(kernels.Families()))
	out := t.TempDir()
	makefile, err := os.ReadFile("kernels.mk")
	require.NoError(t, err)
	_, flags, ok := strings.Cut(string(makefile), "CLANG_FLAGS := ")
	require.True(t, ok)
	flags, _, _ = strings.Cut(flags, "\n\n")
	for _, source := range sources {
		family := strings.TrimSuffix(source, ".cu")
		file := filepath.Join(out, family+".ptx")
		args := append(strings.Fields(strings.ReplaceAll(flags, "\\\n", " ")), source, "-o", file)
		text, err := exec.CommandContext(t.Context(), "clang++-19", args...).CombinedOutput()
		require.NoError(t, err, "%s", text)
		built, err := os.ReadFile(file)
		require.NoError(t, err)
		committed, err := kernels.PTX(family)
		require.NoError(t, err)
		require.True(t, string(built) == committed, "%s: run make kernels", source)
	}
}

func ExamplePTX() {
	text, err := kernels.PTX("gemm")
	if err != nil {
		panic(err)
	}
	fmt.Println(strings.Contains(text, ".visible .entry gemm64_nn_f32("))
	// Output: true
}
