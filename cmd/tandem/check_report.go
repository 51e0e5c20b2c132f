package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem/internal/parity"
)

// checkReport is what --json writes.
type checkReport struct {
	Go          string     `json:"go"`
	OS          string     `json:"os"`
	Arch        string     `json:"arch"`
	OK          bool       `json:"ok"`
	Interrupted bool       `json:"interrupted"`
	Cases       int        `json:"cases"` // chosen, for each run
	Runs        []checkRun `json:"runs"`
}

// checkRun is the outcome on one backend.
type checkRun struct {
	Device      string        `json:"device"`
	Variant     string        `json:"variant,omitempty"`
	Threads     int           `json:"threads,omitempty"`
	Total       checkTally    `json:"total"`
	Families    []checkTally  `json:"families"`
	Failures    []checkResult `json:"failures"`
	Unsupported []checkResult `json:"unsupported"`
}

// checkTally counts the outcomes of a family.
type checkTally struct {
	Family      string  `json:"family,omitempty"`
	Passed      int     `json:"passed"`
	Failed      int     `json:"failed"`
	Unsupported int     `json:"unsupported"`
	Worst       float64 `json:"worst"` // the largest error of a case that passed, as a share of its bound
}

// checkResult is a case that did not pass.
type checkResult struct {
	Case   string `json:"case"`
	Seed   string `json:"seed"`
	Reason string `json:"reason"`
	Again  string `json:"again"` // the command that runs it again
}

func newCheckReport(cases int) checkReport {
	return checkReport{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH, Cases: cases}
}

// add counts one result.
func (r *checkRun) add(res parity.Result, f checkFlags) {
	family := parity.Family(res.Case.Op)
	i := slices.IndexFunc(r.Families, func(t checkTally) bool { return t.Family == family })
	if i < 0 {
		i = len(r.Families)
		r.Families = append(r.Families, checkTally{Family: family})
	}
	r.Families[i].add(res)
	r.Total.add(res)
	if res.Status == parity.Passed {
		return
	}
	c := checkResult{Case: res.Case.Name, Seed: fmt.Sprintf("%#x", res.Case.Seed()), Reason: res.Reason, Again: r.again(res.Case, f)}
	if res.Status == parity.Failed {
		r.Failures = append(r.Failures, c)
	} else {
		r.Unsupported = append(r.Unsupported, c)
	}
}

func (t *checkTally) add(res parity.Result) {
	switch res.Status {
	case parity.Passed:
		t.Passed++
		t.Worst = math.Max(t.Worst, res.Ratio)
	case parity.Failed:
		t.Failed++
	case parity.Unsupported:
		t.Unsupported++
	}
}

// again is the command that runs a case alone.
func (r *checkRun) again(c *parity.Case, f checkFlags) string {
	line := "tandem check --device " + r.Device
	if r.Variant != "" {
		line += " --variant " + r.Variant
	}
	if f.threads > 0 {
		line += fmt.Sprintf(" --threads %d", f.threads)
	}
	return line + " --op '^" + regexp.QuoteMeta(c.Name) + "$'"
}

func (r *checkRun) title() string {
	title := r.Device
	if r.Variant != "" {
		title += " " + r.Variant
	}
	if r.Threads > 0 {
		title += fmt.Sprintf(", threads: %d", r.Threads)
	}
	return title
}

// shownFailures is how many failures of a run are written out; JSON has them all.
const shownFailures = 20

// write writes the run for people: its failures, then a table of families.
func (r *checkRun) write(w io.Writer) {
	for i, c := range r.Failures {
		if i == shownFailures {
			fmt.Fprintf(w, "and %d more failures, which --json lists\n\n", len(r.Failures)-i)
			break
		}
		fmt.Fprintf(w, "FAILED %s (seed %s)\n  %s\n  again: %s\n\n", c.Case, c.Seed, strings.ReplaceAll(c.Reason, "\n", "\n  "), c.Again)
	}
	fmt.Fprintf(w, "%s\n  %-14s %8s %8s %12s %18s\n", r.title(), "family", "passed", "failed", "unsupported", "worst error/bound")
	total := r.Total
	total.Family = "all"
	for _, t := range append(slices.Clone(r.Families), total) {
		fmt.Fprintf(w, "  %-14s %8d %8d %12d %18.3f\n", t.Family, t.Passed, t.Failed, t.Unsupported, t.Worst)
	}
	for _, line := range missing(r.Unsupported) {
		fmt.Fprintf(w, "  unsupported: %s\n", line)
	}
}

// missing are the reasons of unsupported cases, each with how many it stands for.
func missing(cases []checkResult) (lines []string) {
	count := map[string]int{}
	var reasons []string
	for _, c := range cases {
		if count[c.Reason] == 0 {
			reasons = append(reasons, c.Reason)
		}
		count[c.Reason]++
	}
	for _, reason := range reasons {
		lines = append(lines, fmt.Sprintf("%s (%d)", reason, count[reason]))
	}
	return lines
}

// verdict sets OK, or says why not.
func (r *checkReport) verdict() error {
	passed, failures := 0, 0
	for _, run := range r.Runs {
		passed += run.Total.Passed
		failures += run.Total.Failed
	}
	switch {
	case failures > 0:
		return fmt.Errorf("check: %d of %d cases failed", failures, passed+failures)
	case r.Interrupted:
		return errors.New("check: interrupted")
	case passed == 0:
		return errors.New("check: the device supports none of the cases")
	}
	r.OK = true
	return nil
}
