package pool

import (
	"bufio"
	"io/fs"
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// DefaultThreads is how many threads to use unless told otherwise: GOMAXPROCS, or the CPU quota of the process's
// cgroup (v1 or v2) where that is less. A quota of a part of a CPU is rounded up.
func DefaultThreads() int {
	n := runtime.GOMAXPROCS(0)
	if q := quota(os.DirFS("/")); q < float64(n) {
		n = int(math.Ceil(q))
	}
	return max(n, 1)
}

// quota reads the cgroup CPU quota in CPUs, +Inf if there is none. The limits of all ancestors apply, so the least
// of them counts.
func quota(root fs.FS) float64 {
	least := math.Inf(1)
	f, err := root.Open("proc/self/cgroup")
	if err != nil {
		return least
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); { // hierarchy:controllers:path
		field := strings.SplitN(lines.Text(), ":", 3)
		if len(field) != 3 {
			continue
		}
		read, base := quotaV2, "sys/fs/cgroup"
		if field[1] != "" {
			if !strings.Contains(","+field[1]+",", ",cpu,") {
				continue
			}
			read, base = quotaV1, path.Join(base, field[1])
		}
		for dir := path.Clean("/" + field[2]); ; dir = path.Dir(dir) {
			least = min(least, read(root, path.Join(base, dir)))
			if dir == "/" {
				break
			}
		}
	}
	return least
}

func quotaV2(root fs.FS, dir string) float64 {
	b, err := fs.ReadFile(root, path.Join(dir, "cpu.max"))
	if err != nil {
		return math.Inf(1)
	}
	limit, period, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
	return ratio(limit, period)
}

func quotaV1(root fs.FS, dir string) float64 {
	limit, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	if err != nil {
		return math.Inf(1)
	}
	period, err := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	if err != nil {
		return math.Inf(1)
	}
	return ratio(strings.TrimSpace(string(limit)), strings.TrimSpace(string(period)))
}

// ratio is limit/period, +Inf for the spellings of no limit ("max", -1).
func ratio(limit, period string) float64 {
	l, err := strconv.ParseFloat(limit, 64)
	p, err2 := strconv.ParseFloat(period, 64)
	if err != nil || err2 != nil || l <= 0 || p <= 0 {
		return math.Inf(1)
	}
	return l / p
}
