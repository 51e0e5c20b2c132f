package mutations

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Outcome is what became of a mutation.
type Outcome string

const (
	Caught   Outcome = "caught"   // a case failed
	Crashed  Outcome = "crashed"  // the test ended by a panic or a signal, which is caught too
	Hung     Outcome = "hung"     // the test did not end in time, which is caught too
	Survived Outcome = "survived" // all passed
	Broken   Outcome = "broken"   // the mutation does not build, or the suite fails without it
)

// OK reports whether the suite noticed.
func (o Outcome) OK() bool { return o == Caught || o == Crashed || o == Hung }

// Result is what became of one mutation. What is noted is what does not change from run to run.
type Result struct {
	Mutation Mutation
	Outcome  Outcome
	By       string // the first case that failed, or why there is none
}

// Report is the outcome of all mutations.
type Report struct {
	Date, Machine string
	Results       []Result
}

// Dir is where the committed report lies, from the repository's root.
const Dir = "internal/mutations"

// Read returns the committed report, an empty one where there is none.
func Read(root string) (*Report, error) {
	r := new(Report)
	text, err := os.ReadFile(filepath.Join(root, Dir, "RESULT.json"))
	if errors.Is(err, os.ErrNotExist) {
		return r, nil
	} else if err != nil {
		return nil, err
	}
	return r, json.Unmarshal(text, r)
}

// Merge takes over a result, and drops those of mutations that are no longer in the list.
func (r *Report) Merge(all []Mutation, fresh Result) {
	known := map[Mutation]Result{}
	for _, x := range append(r.Results, fresh) {
		known[x.Mutation] = x
	}
	r.Results = nil
	for _, m := range all {
		if x, ok := known[m]; ok {
			r.Results = append(r.Results, x)
		}
	}
}

// Write stores the report as JSON and as a page.
func (r *Report) Write(root string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	dir := filepath.Join(root, Dir)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "RESULT.json"), append(text, '\n'), 0o644),
		os.WriteFile(filepath.Join(dir, "RESULT.md"), []byte(r.Markdown()), 0o644))
}

// Check holds a report to the list: every mutation is there as it is now, and was noticed.
func (r *Report) Check(all []Mutation) error {
	var wrong []error
	known := map[Mutation]Outcome{}
	for _, x := range r.Results {
		known[x.Mutation] = x.Outcome
	}
	for _, m := range all {
		switch o, ok := known[m]; {
		case !ok:
			wrong = append(wrong, fmt.Errorf("no result: %s", m.Name()))
		case !o.OK():
			wrong = append(wrong, fmt.Errorf("%s: %s", o, m.Name()))
		}
	}
	if len(r.Results) > len(all) {
		wrong = append(wrong, fmt.Errorf("%d results for %d mutations", len(r.Results), len(all)))
	}
	return errors.Join(wrong...)
}

// Noticed reports whether a mutation is in the report, as it is now, and the suite noticed it.
func (r *Report) Noticed(m Mutation) bool {
	for _, x := range r.Results {
		if x.Mutation == m {
			return x.Outcome.OK()
		}
	}
	return false
}

// Markdown is the report as a page.
func (r *Report) Markdown() string {
	var b strings.Builder
	noticed := 0
	for _, x := range r.Results {
		if x.Outcome.OK() {
			noticed++
		}
	}
	fmt.Fprintf(&b, "# Mutations\n\nWritten by `make mutate`; do not edit. %d of %d mutations were noticed by the suite. %s, %s.\n",
		noticed, len(r.Results), r.Machine, r.Date)
	for _, part := range []struct {
		title string
		ptx   bool
	}{{"Kernels of the CPU", false}, {"PTX, on the simulator", true}} {
		fmt.Fprintf(&b, "\n## %s\n\n| | mutation | kind | suite | outcome | by |\n|--:|---|---|---|---|---|\n", part.title)
		n := 0
		for _, x := range r.Results {
			if m := x.Mutation; m.PTX() == part.ptx {
				n++
				part := m.Test
				if !m.Own() {
					part += " " + code(m.Op)
				}
				fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", n, code(m.Name()), m.Kind, part, x.Outcome, cell(x.By))
			}
		}
	}
	return b.String()
}

func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }

// code is text in backticks; the text may hold some.
func code(s string) string { return "`" + strings.ReplaceAll(cell(s), "`", "'") + "`" }
