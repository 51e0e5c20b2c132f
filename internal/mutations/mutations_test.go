package mutations_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/mutations"
)

var root = filepath.Join("..", "..")

// Every mutation changes the text as it is today.
func TestMutationsApply(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutations.All() {
		require.False(t, seen[m.Name()], "%s stands twice", m.Name())
		seen[m.Name()] = true
		text, err := os.ReadFile(filepath.Join(root, m.File))
		require.NoError(t, err)
		if _, err := m.Apply(string(text)); err != nil {
			t.Error(err) // and on: all that are out of date in one run
		}
	}
}

// Fifty wrongs in each of the two paths, and some of every kind that is one of its own.
func TestThereAreEnough(t *testing.T) {
	count, kinds := map[bool]int{}, map[bool]map[mutations.Kind]int{false: {}, true: {}}
	for _, m := range mutations.All() {
		count[m.PTX()]++
		kinds[m.PTX()][m.Kind]++
	}
	require.GreaterOrEqual(t, count[false], 50)
	require.GreaterOrEqual(t, count[true], 50)
	for _, k := range []mutations.Kind{mutations.Index, mutations.Tail, mutations.Operand, mutations.Transpose, mutations.Rounding} {
		require.Positive(t, kinds[false][k], k)
	}
	for _, k := range []mutations.Kind{mutations.Index, mutations.Predicate, mutations.Barrier, mutations.Unwritten, mutations.Fragment, mutations.Rounding} {
		require.Positive(t, kinds[true][k], k)
	}
	t.Log(kinds)
}

// The committed report is about this list, and nothing survived.
func TestReportIsUpToDate(t *testing.T) {
	r, err := mutations.Read(root)
	require.NoError(t, err)
	require.NoError(t, r.Check(mutations.All()), "make mutate writes the report anew")
	page, err := os.ReadFile(filepath.Join(root, mutations.Dir, "RESULT.md"))
	require.NoError(t, err)
	require.Equal(t, r.Markdown(), string(page))
}

func TestDraw(t *testing.T) {
	all := mutations.All()
	a, b := mutations.Draw(all, 5, "1f3c"), mutations.Draw(all, 5, "1f3d")
	require.Len(t, a, 5)
	require.Len(t, b, 5)
	require.Equal(t, a, mutations.Draw(all, 5, "1f3c"))
	require.NotEqual(t, a, b)
	require.Equal(t, all, mutations.Draw(all, len(all), "any"))
}

func TestApplyIsExact(t *testing.T) {
	m := mutations.Mutation{File: "a.go", In: "func b(", Old: "x", New: "y", Nth: 1}
	got, err := m.Apply("func a() { x }\n\nfunc b() {\n x x\n}\n\nfunc c() { x }\n")
	require.NoError(t, err)
	require.Equal(t, "func a() { x }\n\nfunc b() {\n x y\n}\n\nfunc c() { x }\n", got)
	m.Nth = 2
	_, err = m.Apply("func b() {\n x x\n}\n\nfunc c() { x }\n")
	require.ErrorContains(t, err, "occurs 2 times")
	_, err = m.Apply("nothing")
	require.ErrorContains(t, err, "occurs 0 times")
}
