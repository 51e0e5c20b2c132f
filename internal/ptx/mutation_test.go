package ptx

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMutations removes one synchronisation after the other from kernels that are right; the sanitizer must find each.
func TestMutations(t *testing.T) {
	if raceBuild {
		t.Skip("single-threaded and long")
	}
	sync := regexp.MustCompile(`(?m)^\s*(bar\.sync|barrier\.sync|cp\.async\.wait_group)[^;]*;`)
	for _, file := range []string{"rate.ptx", "rate_nvcc.ptx"} {
		src, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		for _, c := range rateCases {
			entry := regexp.MustCompile(`(?s)\.visible \.entry ` + c.name + `\(.*?\n}\n`).FindStringIndex(string(src))
			require.NotNil(t, entry, c.name)
			body := string(src[entry[0]:entry[1]])
			for _, at := range sync.FindAllStringIndex(body, -1) {
				removed := strings.TrimSpace(body[at[0]:at[1]])
				text := string(src[:entry[0]]) + body[:at[0]] + body[at[1]:] + string(src[entry[1]:])
				for _, o := range []Options{{Sanitize: true}, {Sanitize: true, Precise: true}} {
					m, err := Parse(text)
					require.NoError(t, err)
					k, err := m.Entry(c.name)
					require.NoError(t, err)
					l, _ := c.build(t, NewMemory(0), 1)
					l.Options = o
					err = k.Run(l)
					var f *Fault
					require.ErrorAs(t, err, &f, "%s of %s without %q at %d (precise %v)", c.name, file, removed, at[0], o.Precise)
					require.Contains(t, []FaultKind{SharedRace, Uninitialised}, f.Kind)
				}
			}
		}
	}
}
