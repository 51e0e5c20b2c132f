package peers

import "runtime"

// osThread is an operating-system thread that does one task at a time for whoever asks.
type osThread struct {
	tasks chan func() error
	errs  chan error
}

func newOSThread() *osThread {
	t := &osThread{tasks: make(chan func() error), errs: make(chan error)}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its goroutine
		for task := range t.tasks {
			t.errs <- task()
		}
	}()
	return t
}

func (t *osThread) do(task func() error) error {
	t.tasks <- task
	return <-t.errs
}

func (t *osThread) close() { close(t.tasks) }
