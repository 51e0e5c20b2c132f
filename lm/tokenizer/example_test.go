package tokenizer_test

import (
	"fmt"
	"os"

	"github.com/tandem-compute/tandem/lm/tokenizer"
)

func Example() {
	tok, err := tokenizer.Open("testdata/qwen2.json")
	if err != nil {
		fmt.Println(err)
		return
	}
	end, _ := tok.Special("<|im_end|>")
	ids := append(tok.Encode(nil, "The boats came in 😀<|im_end|>"), end)

	d := tok.NewDecoder()
	for _, id := range ids {
		fmt.Printf("%q ", d.Append(nil, id))
	}
	fmt.Printf("%q\n", d.Flush(nil))
	os.Stdout.Write(append(tok.Decode(nil, ids), '\n'))
	// Output:
	// "The" " boats" " came" " in" " " "" "" "" "😀" "<" "|" "i" "m" "_" "end" "|" ">" "" ""
	// The boats came in 😀<|im_end|>
}
