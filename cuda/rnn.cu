// The pointwise part of recurrent cells: a thread for each hidden unit of each row.
#include "convert.h"
#include "cuda_backend.h"
#include "math/rnn_cell.h"
#include "runtime.h"

namespace deepnet::gpu {
namespace {

/// The row of the i'th unit of (rows, hidden).
DN_DEVICE int64_t row_of(int64_t i, int64_t hidden) { return quotient(i, hidden); }

template <class T>
DN_KERNEL void lstm_forward(T* gates, const T* c_prev, T* c, T* h, int64_t units, int64_t hidden) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < units; i += thread_count()) {
    T* a = gates + row_of(i, hidden) * 3 * hidden + i;  // 4 hidden row + (i - hidden row)
    const math::LstmState<S> s = math::lstm_forward(
        math::LstmGates<S>{widen(a[0]), widen(a[hidden]), widen(a[2 * hidden]), widen(a[3 * hidden])}, widen(c_prev[i]));
    a[0] = narrow<T>(s.gates.i);
    a[hidden] = narrow<T>(s.gates.f);
    a[2 * hidden] = narrow<T>(s.gates.g);
    a[3 * hidden] = narrow<T>(s.gates.o);
    c[i] = narrow<T>(s.c);
    h[i] = narrow<T>(s.h);
  }
}

template <class T>
DN_KERNEL void lstm_backward(const T* gates, const T* c_prev, const T* c, const T* dh, const T* dc, T* dgates, T* dc_prev,
                             int64_t units, int64_t hidden) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < units; i += thread_count()) {
    const int64_t gate = row_of(i, hidden) * 3 * hidden + i;
    const T* a = gates + gate;
    T* da = dgates + gate;
    const math::LstmGradient<S> d =
        math::lstm_backward(math::LstmGates<S>{widen(a[0]), widen(a[hidden]), widen(a[2 * hidden]), widen(a[3 * hidden])},
                            widen(c_prev[i]), widen(c[i]), widen(dh[i]), dc ? widen(dc[i]) : S(0));
    da[0] = narrow<T>(d.gates.i);
    da[hidden] = narrow<T>(d.gates.f);
    da[2 * hidden] = narrow<T>(d.gates.g);
    da[3 * hidden] = narrow<T>(d.gates.o);
    dc_prev[i] = narrow<T>(d.c_prev);
  }
}

template <class T>
DN_KERNEL void gru_forward(const T* gi, const T* gh, const T* h_prev, T* h, T* saved, int64_t units, int64_t hidden) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < units; i += thread_count()) {
    const int64_t row = row_of(i, hidden);
    const T *x = gi + row * 2 * hidden + i, *y = gh + row * 2 * hidden + i;
    const S hidden_n = widen(y[2 * hidden]);
    const math::GruState<S> s = math::gru_forward(widen(x[0]), widen(x[hidden]), widen(x[2 * hidden]), widen(y[0]),
                                                  widen(y[hidden]), hidden_n, widen(h_prev[i]));
    h[i] = narrow<T>(s.h);
    if (!saved) continue;
    T* keep = saved + row * 3 * hidden + i;
    keep[0] = narrow<T>(s.r);
    keep[hidden] = narrow<T>(s.z);
    keep[2 * hidden] = narrow<T>(s.n);
    keep[3 * hidden] = narrow<T>(hidden_n);
  }
}

template <class T>
DN_KERNEL void gru_backward(const T* saved, const T* h_prev, const T* dh, T* dgi, T* dgh, T* dh_prev, int64_t units,
                            int64_t hidden) {
  using S = Compute<T>;
  for (int64_t i = thread_id(); i < units; i += thread_count()) {
    const int64_t row = row_of(i, hidden);
    const T* kept = saved + row * 3 * hidden + i;
    const math::GruGradient<S> d = math::gru_backward(widen(kept[0]), widen(kept[hidden]), widen(kept[2 * hidden]),
                                                      widen(kept[3 * hidden]), widen(h_prev[i]), widen(dh[i]));
    T *dx = dgi + row * 2 * hidden + i, *dy = dgh + row * 2 * hidden + i;
    dx[0] = dy[0] = narrow<T>(d.r);
    dx[hidden] = dy[hidden] = narrow<T>(d.z);
    dx[2 * hidden] = narrow<T>(d.input_n);
    dy[2 * hidden] = narrow<T>(d.hidden_n);
    dh_prev[i] = narrow<T>(d.h_prev);
  }
}

}  // namespace

void CudaBackend::lstm_cell_forward(const View& gates, const View& c_prev, const View& c, const View& h) {
  Call call(device_, "lstm_cell");
  visit_floats(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(lstm_forward<T>, c.numel(), gates.as<T>(), c_prev.as<T>(), c.as<T>(), h.as<T>(), c.numel(), c.size(1));
  });
}

void CudaBackend::lstm_cell_backward(const View& gates, const View& c_prev, const View& c, const View& dh, const View& dc,
                                     const View& dgates, const View& dc_prev) {
  Call call(device_, "lstm_cell_backward");
  visit_floats(c.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(lstm_backward<T>, c.numel(), gates.as<T>(), c_prev.as<T>(), c.as<T>(), dh.as<T>(), dc.as<T>(),
                   dgates.as<T>(), dc_prev.as<T>(), c.numel(), c.size(1));
  });
}

void CudaBackend::gru_cell_forward(const View& gi, const View& gh, const View& h_prev, const View& h, const View& saved) {
  Call call(device_, "gru_cell");
  visit_floats(h.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(gru_forward<T>, h.numel(), gi.as<T>(), gh.as<T>(), h_prev.as<T>(), h.as<T>(), saved.as<T>(), h.numel(),
                   h.size(1));
  });
}

void CudaBackend::gru_cell_backward(const View& saved, const View& h_prev, const View& dh, const View& dgi, const View& dgh,
                                    const View& dh_prev) {
  Call call(device_, "gru_cell_backward");
  visit_floats(dh.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    call.run_items(gru_backward<T>, dh.numel(), saved.as<T>(), h_prev.as<T>(), dh.as<T>(), dgi.as<T>(), dgh.as<T>(),
                   dh_prev.as<T>(), dh.numel(), dh.size(1));
  });
}

}  // namespace deepnet::gpu
