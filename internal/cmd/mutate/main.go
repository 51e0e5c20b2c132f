// Mutate tests the tests: it makes small wrongs in kernels, one at a time, and runs the part of the suite that must
// notice. The working tree is not touched: the go command reads a mutated file of Go or assembly through an overlay, and
// mutated PTX lies in a directory that a suite built once reads. Code for AVX-512 is interpreted, so that it needs no
// such processor. A mutation that does not build or parse counts as no catch, and so does one whose part of the suite
// fails without it.
//
//	go run ./internal/cmd/mutate                       all of them; writes internal/mutations/RESULT.md and .json
//	go run ./internal/cmd/mutate -path ptx             those of PTX
//	go run ./internal/cmd/mutate -draw 5 -seed COMMIT  five of each path, drawn by the commit; writes nothing
//	go run ./internal/cmd/mutate -new                  those without a good result in the report
//	go run ./internal/cmd/mutate -check                holds the committed report to the list; runs nothing
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-compute/tandem/internal/mutations"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutate: ")
	path := flag.String("path", "", "only the mutations of `cpu` or ptx")
	name := flag.String("name", "", "only the mutations whose names match a regular expression")
	fresh := flag.Bool("new", false, "only the mutations that the committed report does not call noticed")
	draw := flag.Int("draw", 0, "run so many of each path, drawn by the seed")
	seed := flag.String("seed", "", "what the draw depends on, such as a commit's hash")
	check := flag.Bool("check", false, "hold the committed report to the list and run nothing")
	jobs := flag.Int("jobs", runtime.NumCPU(), "mutations at a time")
	limit := flag.Duration("timeout", 2*time.Minute, "the longest that a test may take")
	flag.Parse()
	re, err := regexp.Compile(*name)
	if err != nil {
		log.Fatal(err)
	}
	chosen := slices.DeleteFunc(mutations.All(), func(m mutations.Mutation) bool {
		return !re.MatchString(m.Name()) || *path == "cpu" && m.PTX() || *path == "ptx" && !m.PTX()
	})
	report, err := mutations.Read(".")
	if err != nil {
		log.Fatal(err)
	}
	if *fresh {
		chosen = slices.DeleteFunc(chosen, report.Noticed)
	}
	switch {
	case *check:
		err = report.Check(mutations.All())
	case *draw > 0:
		err = run(drawn(chosen, *draw, *seed), *jobs, *limit, false)
	default:
		err = run(chosen, *jobs, *limit, true)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// drawn is n mutations of each path.
func drawn(ms []mutations.Mutation, n int, seed string) []mutations.Mutation {
	var cpu, ptx []mutations.Mutation
	for _, m := range ms {
		if m.PTX() {
			ptx = append(ptx, m)
		} else {
			cpu = append(cpu, m)
		}
	}
	return append(mutations.Draw(cpu, n, seed), mutations.Draw(ptx, n, seed)...)
}

// run tests mutations and prints what became of each, which the committed report takes over at once.
func run(ms []mutations.Mutation, jobs int, limit time.Duration, keep bool) error {
	s, err := newSuite(ms, limit)
	if err != nil {
		return err
	}
	defer s.close()
	var (
		wg     sync.WaitGroup
		mutex  sync.Mutex
		missed int
		failed error
		slots  = make(chan struct{}, jobs)
	)
	for _, m := range ms {
		slots <- struct{}{}
		wg.Go(func() {
			begin := time.Now()
			r := s.test(m)
			mutex.Lock()
			defer mutex.Unlock()
			fmt.Printf("%-8s %5.1f s  %s\n%18s by %s\n", r.Outcome, time.Since(begin).Seconds(), m.Name(), "", r.By)
			if !r.Outcome.OK() {
				missed++
			}
			if keep {
				failed = errors.Join(failed, commit(r))
			}
			<-slots
		})
	}
	wg.Wait()
	fmt.Printf("%d of %d noticed\n", len(ms)-missed, len(ms))
	if missed > 0 {
		failed = errors.Join(failed, fmt.Errorf("%d mutations were not noticed", missed))
	}
	return failed
}

// commit takes a result into the report.
func commit(result mutations.Result) error {
	r, err := mutations.Read(".")
	if err != nil {
		return err
	}
	r.Merge(mutations.All(), result)
	r.Date, r.Machine = time.Now().UTC().Format(time.DateOnly), machine()
	return r.Write(".")
}

// machine is the kind of machine this is.
func machine() string {
	kind := runtime.GOOS + "/" + runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo") // not everywhere
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return kind + ", " + strings.TrimSpace(value)
		}
	}
	return kind
}
