package parity_test

import (
	"context"
	"flag"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
)

// only are the names of the cases to run.
var only = regexp.MustCompile("")

func init() {
	flag.TextVar(only, "op", only, "run only the cases whose names match a `regular expression`")
}

func TestCaseNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range parity.Cases() {
		require.False(t, seen[c.Name], "%s stands twice", c.Name)
		seen[c.Name] = true
	}
}

// TestCPU runs every case on every variant of this machine, and with one and with three threads, whose bits must agree.
// With -short it runs one case an op and dtype.
func TestCPU(t *testing.T) {
	cases := parity.Cases()
	for _, variant := range cpu.Variants() {
		t.Run(variant, func(t *testing.T) {
			one, three := open(t, variant, 1), open(t, variant, 3)
			ran := 0
			for i := range cases {
				c := &cases[i]
				if !only.MatchString(c.Name) || testing.Short() && !c.Quick {
					continue
				}
				res := parity.Run(context.Background(), one, c)
				switch res.Status {
				case parity.Failed:
					t.Errorf("%s: %s\n  again: tandem check --device cpu --variant %s --op '^%s$'", c.Name, res.Reason, variant, c.Name)
					continue
				case parity.Unsupported: // the CPU takes whatever a case gives it
					t.Errorf("%s: unsupported: %s", c.Name, res.Reason)
					continue
				}
				ran++
				again := parity.Run(context.Background(), three, c)
				if again.Status != parity.Passed {
					t.Errorf("%s on three threads: %s", c.Name, again.Reason)
				} else if !equal(res.Out, again.Out) {
					t.Errorf("%s: one and three threads give different bits", c.Name)
				}
			}
			t.Logf("%d of %d cases ran", ran, len(cases))
			require.Positive(t, ran)
		})
	}
}

func equal(a, b [][]byte) bool {
	for i := range a {
		if string(a[i]) != string(b[i]) {
			return false
		}
	}
	return true
}

func open(t *testing.T, variant string, threads int) op.Backend {
	b, _, err := cpu.Open(cpu.Options{Variant: variant, Threads: threads})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}
