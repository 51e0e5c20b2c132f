package report

import (
	"encoding/json"
	"io"

	"github.com/tandem-compute/tandem/bench"
)

// JSONLines writes one JSON object a line for each implementation of each case:
//
//	{"case":"gemm/f32/512x512x512","impl":"openblas","threads":2,"ns":1.9e6,"gflops":141,"gbps":1.6,"ratio":1.2,"lo":1.19,"hi":1.22}
//
// ratio is the implementation's time over the reference's, lo and hi its 95% interval; the three are absent in the
// reference's own line and in all where the reference did not run.
type JSONLines struct{ enc *json.Encoder }

// NewJSONLines makes a JSONLines.
func NewJSONLines(w io.Writer) *JSONLines { return &JSONLines{json.NewEncoder(w)} }

type jsonLine struct {
	Case    string   `json:"case"`
	Impl    string   `json:"impl"`
	Threads int      `json:"threads"`
	NS      float64  `json:"ns"`
	GFlops  float64  `json:"gflops"`
	GBps    float64  `json:"gbps"`
	Ratio   *float64 `json:"ratio,omitempty"`
	Lo      *float64 `json:"lo,omitempty"`
	Hi      *float64 `json:"hi,omitempty"`
}

func (j *JSONLines) Write(r bench.Result) error {
	for _, row := range r.Rows {
		line := jsonLine{
			Case: r.Case.Name, Impl: row.Impl, Threads: r.Threads,
			NS: row.NS, GFlops: row.GFlops, GBps: row.GBps,
		}
		if e := row.Ratio; e != nil {
			line.Ratio, line.Lo, line.Hi = &e.Median, &e.Lo, &e.Hi
		}
		if err := j.enc.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
