package mutations

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Kind is what a mutation gets wrong.
type Kind string

const (
	Index     Kind = "index"
	Tail      Kind = "tail"
	Operand   Kind = "operand"
	Transpose Kind = "transposition"
	Rounding  Kind = "rounding"
	Predicate Kind = "predicate"
	Barrier   Kind = "barrier"
	Unwritten Kind = "unwritten output"
	Fragment  Kind = "fragment lanes"
)

// Mutation is one wrong in one kernel.
type Mutation struct {
	File string // from the repository's root
	In   string // the head of the function that is searched, such as "func add["; it occurs once
	Old  string // what is replaced; in PTX a regular expression, for registers have no lasting names
	Nth  int    `json:",omitempty"` // which of its occurrences in the function, from 0
	New  string
	Kind Kind
	Test string // what must notice: a variant of the CPU's suite, a configuration of the simulator's, or a test of File's own package
	Op   string // a regular expression: the parity cases that must; none for a test of the package's own
}

// PTX reports whether the mutation is one of PTX, else of the CPU's kernels.
func (m *Mutation) PTX() bool { return strings.HasSuffix(m.File, ".ptx") }

// Own reports whether a test of the file's own package must notice, not the suite of all kernels.
func (m *Mutation) Own() bool { return strings.HasPrefix(m.Test, "Test") }

// Name tells a mutation from all others.
func (m *Mutation) Name() string {
	name := strings.Trim(m.In, " (·[") + ": " + m.Old + " -> " + m.New
	if m.Nth > 0 {
		name += fmt.Sprintf(" (%d)", m.Nth)
	}
	return filepath.Base(m.File) + ": " + strings.Join(strings.Fields(name), " ")
}

// Apply returns the text of the mutation's file with the mutation in it.
func (m *Mutation) Apply(text string) (string, error) {
	start, end, err := m.function(text)
	if err != nil {
		return "", err
	}
	body := text[start:end]
	re := regexp.MustCompile(regexp.QuoteMeta(m.Old))
	if m.PTX() {
		re = regexp.MustCompile(m.Old)
	}
	found := re.FindAllStringSubmatchIndex(body, m.Nth+1)
	if len(found) <= m.Nth {
		return "", fmt.Errorf("%s: %q occurs %d times in %q, not %d", m.File, m.Old, len(found), m.In, m.Nth+1)
	}
	at := found[m.Nth]
	with := m.New
	if m.PTX() {
		with = string(re.ExpandString(nil, m.New, body, at))
	}
	if with == body[at[0]:at[1]] {
		return "", fmt.Errorf("%s: %s changes nothing", m.File, m.Name())
	}
	return text[:start] + body[:at[0]] + with + body[at[1]:] + text[end:], nil
}

// function is where the function that In names lies in the text.
func (m *Mutation) function(text string) (start, end int, err error) {
	if n := strings.Count(text, m.In); n != 1 {
		return 0, 0, fmt.Errorf("%s: %q occurs %d times, not once", m.File, m.In, n)
	}
	start = strings.Index(text, m.In)
	last := "\n}\n"
	if strings.HasSuffix(m.File, ".s") {
		last = "\nTEXT "
	}
	if n := strings.Index(text[start:], last); n >= 0 {
		return start, start + n, nil
	}
	return start, len(text), nil
}

// Write puts the mutated file into a directory and returns where it lies there.
func (m *Mutation) Write(root, dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, m.File))
	if err != nil {
		return "", err
	}
	mutated, err := m.Apply(string(text))
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, filepath.Base(m.File))
	return to, os.WriteFile(to, []byte(mutated), 0o644)
}

// All lists the mutations of the CPU's kernels, then those of PTX.
func All() []Mutation {
	return slices.Concat(dispatch(), loops(), products(), assembly(), emulated(), ptx())
}

// Draw returns n of the mutations, chosen by a seed such as a commit's hash, in their own order.
func Draw(ms []Mutation, n int, seed string) []Mutation {
	key := func(m *Mutation) string {
		h := sha256.Sum256([]byte(seed + m.Name()))
		return string(h[:])
	}
	keys := make([]string, len(ms))
	for i := range ms {
		keys[i] = key(&ms[i])
	}
	order := slices.Sorted(slices.Values(keys))
	var drawn []Mutation
	for i := range ms {
		if at, _ := slices.BinarySearch(order, keys[i]); at < n {
			drawn = append(drawn, ms[i])
		}
	}
	return drawn
}
