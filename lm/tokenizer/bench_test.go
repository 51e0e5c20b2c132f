package tokenizer

import (
	"strings"
	"testing"
)

// BenchmarkEncode encodes the corpus's paragraphs, of many languages, and one of them in English.
func BenchmarkEncode(b *testing.B) {
	var all strings.Builder
	paragraphs := readReference(b).texts(b)[:22]
	for all.Len() < 1<<18 {
		for _, p := range paragraphs {
			all.WriteString(p)
			all.WriteString("\n\n")
		}
	}
	english := strings.Repeat(paragraphs[0]+" ", 1<<18/len(paragraphs[0]))
	for _, name := range append(kept, "smollm2", "minilm") {
		for kind, text := range map[string]string{"mixed": all.String(), "english": english, "letter": strings.Repeat("a", 1<<18)} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				var tok *Tokenizer
				if name == "smollm2" || name == "minilm" {
					tok = openReal(b, name)
				} else {
					tok = openKept(b, name)
				}
				ids := tok.Encode(nil, text)
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					ids = tok.Encode(ids[:0], text)
				}
			})
		}
	}
}

// BenchmarkOpen reads the tokenizer of a model's GGUF file.
func BenchmarkOpen(b *testing.B) {
	openReal(b, "smollm2")
	for b.Loop() {
		openReal(b, "smollm2")
	}
}
