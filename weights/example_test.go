package weights_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tandem-compute/tandem/weights"
)

func Example() {
	dir, err := os.MkdirTemp("", "weights")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")
	err = weights.WriteSafetensors(path, map[string]string{"step": "7"}, []weights.Entry{weights.Data("bias", weights.BF16, []byte{0x80, 0x3f, 0, 0xc0}, 2)})
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := weights.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	for _, t := range f.Tensors() {
		fmt.Println(t, t.Bytes(), f.Metadata.Value("step"))
	}
	// Output: bias bf16[2] [128 63 0 192] 7
}
