package tokenizer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tandem-compute/tandem/weights"
)

// Open reads the tokenizer at a path: a folder with a tokenizer.json and, if it likes, a tokenizer_config.json; a
// tokenizer.json, with that beside it; or a GGUF file.
func Open(path string) (*Tokenizer, error) {
	t, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer: %s: %w", path, err)
	}
	return t, nil
}

func open(path string) (*Tokenizer, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "tokenizer.json")
	}
	if filepath.Ext(path) == ".json" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		config, err := os.ReadFile(filepath.Join(filepath.Dir(path), "tokenizer_config.json"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		return FromJSON(text, config)
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	t, err := FromGGUF(&f.Metadata)
	return t, errors.Join(err, f.Close())
}
