package kernels

import (
	"compress/gzip"
	"embed"
	"io"
	"io/fs"
	"strings"
)

// packed holds the modules compressed, a sixth of their text, one file for each: loading a family unpacks that family,
// and a change to one leaves the others' files alone.
//
//go:embed ptx/*.ptx.gz
var packed embed.FS

const suffix = ".ptx.gz"

// read unpacks a family's text. The error is fs.ErrNotExist if there is none.
func read(family string) (string, error) {
	f, err := packed.Open("ptx/" + family + suffix)
	if err != nil {
		return "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	_, err = io.Copy(&text, z)
	return text.String(), err
}

// list names the families in alphabetical order.
func list() []string {
	names, _ := fs.Glob(packed, "ptx/*"+suffix) // fails only on a malformed pattern
	for i, name := range names {
		names[i] = strings.TrimSuffix(strings.TrimPrefix(name, "ptx/"), suffix)
	}
	return names
}
