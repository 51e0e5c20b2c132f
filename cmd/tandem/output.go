package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// outputs are the files that a command writes beside its text, of which one may be standard output: then the text goes
// to standard error, so that the file's format stands there alone.
type outputs struct {
	app     *app
	text    *stream
	closers []io.Closer
	paths   map[string]bool // of the files
}

func (a *app) newOutputs() *outputs { return &outputs{app: a, text: &stream{Writer: a.stdout}} }

// stream is where text for people goes. Its first error ends it, and comes out when the outputs are closed.
type stream struct {
	io.Writer
	err error
}

func (s *stream) Write(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.Writer.Write(p)
	}
	return n, s.err
}

// create opens the output that a flag names, nil if it names none. It is opened before the work, so that a
// path that cannot be written is found before the time is spent.
func (o *outputs) create(flag, path string) (io.Writer, error) {
	switch path {
	case "":
		return nil, nil
	case "-":
		if o.text.Writer != o.app.stdout {
			return nil, misusef("--%s -: standard output is taken by another flag", flag)
		}
		o.text.Writer = o.app.stderr
		return o.app.stdout, nil
	}
	if o.paths[filepath.Clean(path)] {
		return nil, misusef("--%s %s: another flag writes there", flag, path)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	o.closers = append(o.closers, f)
	if o.paths == nil {
		o.paths = map[string]bool{}
	}
	o.paths[filepath.Clean(path)] = true
	return f, nil
}

// close closes the files and joins what went wrong to err, which may tell already of text that was not written.
func (o *outputs) close(err error) error {
	errs := []error{err}
	if !errors.Is(err, o.text.err) {
		errs = append(errs, o.text.err)
	}
	for _, c := range o.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// writeJSON writes v for people who read JSON, too. A nil w writes nothing.
func writeJSON(w io.Writer, v any) error {
	if w == nil {
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// terminal reports whether w is one.
func terminal(w io.Writer) bool {
	if s, ok := w.(*stream); ok {
		w = s.Writer
	}
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
