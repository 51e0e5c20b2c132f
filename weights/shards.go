package weights

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// maxIndex is the longest index of shards that is read.
const maxIndex = 256 << 20

// openIndex opens the shards that a model.safetensors.index.json names. They lie beside it: a name with a directory in
// it is refused.
func openIndex(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxIndex {
		return nil, formatErr("an index of %d bytes", info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var index struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, formatErr("%v", err)
	}
	if len(index.Map) == 0 {
		return nil, formatErr("an index without a weight_map")
	}
	f := &File{byName: map[string]*Tensor{}}
	if err := f.addShards(filepath.Dir(path), index.Map); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *File) addShards(dir string, index map[string]string) error {
	shards := map[string]bool{}
	for _, name := range sortedKeys(index) {
		shard := index[name]
		if !filepath.IsLocal(shard) || filepath.Base(shard) != shard {
			return formatErr("shard %q is no plain file name", shard)
		}
		if shards[shard] {
			continue
		}
		shards[shard] = true
		if err := f.add(filepath.Join(dir, shard)); err != nil {
			return fmt.Errorf("%s: %w", shard, err)
		}
	}
	for _, name := range sortedKeys(index) {
		if f.byName[name] == nil {
			return formatErr("the index has %q, shard %s does not", name, index[name])
		}
	}
	return nil
}

// split is how the first of several GGUF files is called.
var split = regexp.MustCompile(`^(.*-)00001(-of-(\d{5})\.gguf)$`)

// addSplits adds the GGUF files that follow a first one.
func (f *File) addSplits(path string) error {
	count, err := Get[int](&f.Metadata, "split.count")
	if err != nil || count <= 1 {
		return nil
	}
	m := split.FindStringSubmatch(filepath.Base(path))
	if m == nil || m[3] != fmt.Sprintf("%05d", count) {
		return formatErr("one of %d files, but it is not called …-00001-of-%05d.gguf", count, count)
	}
	for i := 2; i <= count; i++ {
		name := m[1] + fmt.Sprintf("%05d", i) + m[2]
		if err := f.add(filepath.Join(filepath.Dir(path), name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if want, err := Get[int](&f.Metadata, "split.tensors.count"); err == nil && want != len(f.tensors) {
		return formatErr("%d tensors in all files, want %d", len(f.tensors), want)
	}
	return nil
}
