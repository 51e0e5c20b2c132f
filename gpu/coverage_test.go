//go:build cuda && cgo && linux

package gpu

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/ptx"
)

// unreached is a line of testdata/unreached.txt: so many basic blocks of each kernel whose name matches cannot run, and why.
type unreached struct {
	kernels *regexp.Regexp
	blocks  int
	used    bool
}

func readUnreached(t *testing.T) (list []unreached) {
	text, err := os.ReadFile("testdata/unreached.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		require.Greater(t, len(words), 4, "%q: want kernels, a number and a reason", line)
		n, err := strconv.Atoi(words[1])
		require.NoError(t, err, line)
		list = append(list, unreached{kernels: regexp.MustCompile("^(" + words[0] + ")$"), blocks: n})
	}
	return list
}

// requireReached fails where basic blocks were never run but for those that the list gives a reason for: these, and no more.
func requireReached(t *testing.T, coverage *ptx.Coverage) {
	missed, first := map[string]int{}, map[string][]string{}
	for _, b := range coverage.Blocks() {
		missed[b.Kernel] = 0
	}
	for _, b := range coverage.Missed() {
		missed[b.Kernel]++
		first[b.Kernel] = append(first[b.Kernel], fmt.Sprintf("%d: %s", b.Line, b.Text))
	}
	list, total := readUnreached(t), 0
	for kernel, n := range missed {
		allowed := 0
		for i := range list {
			if list[i].kernels.MatchString(kernel) {
				allowed += list[i].blocks
				list[i].used = true
			}
		}
		total += n
		if n != allowed {
			t.Errorf("%s: %d blocks never ran, %d have a reason:\n\t%s", kernel, n, allowed, strings.Join(first[kernel], "\n\t"))
		}
	}
	for _, u := range list {
		require.True(t, u.used, "no kernel is called %s", u.kernels)
	}
	t.Logf("%d of %d reachable blocks have a reason not to run", total, len(coverage.Blocks()))
}
