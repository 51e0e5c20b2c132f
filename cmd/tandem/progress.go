package main

import (
	"context"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on standard error while a command works; nil, and silent, where that is no terminal.
type progress struct {
	bars *mpb.Progress
	bar  *mpb.Bar
}

func (a *app) newProgress(ctx context.Context, what string, total int) *progress {
	if !terminal(a.stderr) {
		return nil
	}
	bars := mpb.NewWithContext(ctx, mpb.WithOutput(a.stderr), mpb.WithWidth(48))
	bar := bars.AddBar(int64(total), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(what, decor.WCSyncSpaceR), decor.CountersNoUnit("%d/%d", decor.WCSyncSpace)),
		mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.Elapsed(decor.ET_STYLE_GO, decor.WCSyncSpace)))
	return &progress{bars: bars, bar: bar}
}

// step counts one of the total.
func (p *progress) step() {
	if p != nil {
		p.bar.Increment()
	}
}

// above is where text that appears while the bar stands must be written: above the bar if w is a terminal as well.
func (p *progress) above(w io.Writer) io.Writer {
	if p != nil && terminal(w) {
		return p.bars
	}
	return w
}

// done takes the bar away, whether or not it is full.
func (p *progress) done() {
	if p != nil {
		p.bar.Abort(true)
		p.bars.Wait()
	}
}
