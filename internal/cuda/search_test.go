//go:build cuda && cgo && linux

package cuda

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/cu"
)

// found is what a fresh process says about the driver library that it finds.
type found struct {
	Driver, Err string
	Version     int
	Devices     int
	DevicesErr  string
	Symbol      string // what a call says that the library lacks
}

const searchVariable = "TANDEM_TEST_SEARCH"

// TestMain answers the tests below when it runs in the process that they start.
func TestMain(m *testing.M) {
	if os.Getenv(searchVariable) == "" {
		os.Exit(m.Run())
	}
	info := Status()
	n, err := cu.NumDevices()
	_, lacking := AllocHost(64)
	answer := found{info.Driver, fmt.Sprint(info.Err), info.Version, n, fmt.Sprint(Wrap("cuDeviceGetCount", err)), fmt.Sprint(lacking)}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(1)
	}
}

// search compiles a driver library and starts a process that finds it first.
func search(t *testing.T, flags ...string) found {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler")
	}
	dir := t.TempDir()
	args := append([]string{"-shared", "-fPIC", "-o", filepath.Join(dir, "libcuda.so.1"), "testdata/fakedriver.c"}, flags...)
	out, err := exec.Command(compiler, args...).CombinedOutput()
	require.NoError(t, err, string(out))
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, searchVariable+"=1")
	out, err = cmd.Output()
	require.NoError(t, err, string(out))
	var answer found
	require.NoError(t, json.Unmarshal(out, &answer), string(out))
	return answer
}

func TestLibraryIsFound(t *testing.T) {
	answer := search(t)
	require.Equal(t, "libcuda.so.1", filepath.Base(answer.Driver))
	require.Equal(t, "<nil>", answer.Err)
	require.Equal(t, 12040, answer.Version)
	require.Equal(t, 3, answer.Devices)
	require.Contains(t, answer.Symbol, ErrNotSupported.Name(), "a call that this library lacks")
}

func TestLibraryWithoutDevice(t *testing.T) {
	answer := search(t, "-DINIT=100")
	require.Equal(t, "libcuda.so.1", filepath.Base(answer.Driver))
	require.Contains(t, answer.Err, "cuInit")
	require.Contains(t, answer.Err, ErrNoDevice.Name())
	require.Contains(t, answer.DevicesErr, ErrNoDevice.Name())
	require.Contains(t, answer.Symbol, ErrNoDevice.Name())
}

func TestLibraryWithoutCoreSymbolIsNoDriver(t *testing.T) {
	answer := search(t, "-DNO_LAUNCH")
	if answer.Driver != "" {
		t.Skipf("another driver is here: %s", answer.Driver)
	}
	require.Contains(t, answer.Err, "cuLaunchKernel")
	require.Contains(t, answer.DevicesErr, ErrNoDevice.Name())
}
