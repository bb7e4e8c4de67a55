// Coroutines for the threads of a block: ucontext makes them, setjmp switches between them without system calls.
#include <setjmp.h>
#include <ucontext.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "cuda_runtime.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulator {
namespace {

constexpr size_t kStack = 256 << 10;

enum class State { Ready, AtBarrier, InExchange, Done };

struct Thread {
  jmp_buf place;
  ucontext_t start;
  State state;
  unsigned x, y, z, index;
  int stack;
};

struct Warp {
  unsigned arrived = 0, mask = 0;
  int kind = 0;
  unsigned char posted[32 * 16], result[32 * 16];
};

struct Block {
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<std::unique_ptr<unsigned char[]>> stacks;
  std::vector<int> free_stacks;
  std::vector<unsigned char> shared;
  jmp_buf scheduler;
  Thread* current = nullptr;
  void (*body)(void*) = nullptr;
  void* argument = nullptr;
  bool reverse = false;
} block;

[[noreturn]] void die(const char* what) {
  std::fprintf(stderr, "emulator: block (%u, %u, %u), thread (%u, %u, %u): %s\n", blockIdx.x, blockIdx.y, blockIdx.z,
               threadIdx.x, threadIdx.y, threadIdx.z, what);
  std::abort();
}

void entry() {
  block.body(block.argument);
  block.current->state = State::Done;
  _longjmp(block.scheduler, 1);
}

void yield() {
  if (!_setjmp(block.current->place)) _longjmp(block.scheduler, 1);
}

void resume(Thread& t) {
  block.current = &t;
  threadIdx = {t.x, t.y, t.z};
  const bool fresh = t.stack < 0;
  if (fresh) {
    if (block.free_stacks.empty()) {
      block.stacks.emplace_back(new unsigned char[kStack]);
      block.free_stacks.push_back(int(block.stacks.size()) - 1);
    }
    t.stack = block.free_stacks.back();
    block.free_stacks.pop_back();
    getcontext(&t.start);
    t.start.uc_stack.ss_sp = block.stacks[size_t(t.stack)].get();
    t.start.uc_stack.ss_size = kStack;
    t.start.uc_link = nullptr;
    makecontext(&t.start, entry, 0);
  }
  if (!_setjmp(block.scheduler)) {
    if (fresh) setcontext(&t.start);
    _longjmp(t.place, 1);
  }
  if (block.current->state == State::Done) block.free_stacks.push_back(block.current->stack);
}

void run_block() {
  const size_t n = block.threads.size();
  size_t done = 0;
  while (done < n) {
    bool progress = false;
    size_t waiting = 0;
    for (size_t k = 0; k < n; ++k) {
      Thread& t = block.threads[block.reverse ? n - 1 - k : k];
      if (t.state == State::Ready) {
        progress = true;
        resume(t);
        if (t.state == State::Done) ++done;
      }
      if (t.state == State::AtBarrier) ++waiting;
    }
    if (waiting && waiting + done == n) {
      for (Thread& t : block.threads)
        if (t.state == State::AtBarrier) t.state = State::Ready;
      progress = true;
    }
    if (!progress && done < n) die("deadlock: some threads never reach a barrier or an exchange that others wait at");
  }
}

}  // namespace

unsigned char* dynamic_shared() { return block.shared.data(); }
unsigned lane() { return block.current->index & 31; }

void block_barrier() {
  block.current->state = State::AtBarrier;
  yield();
}

const unsigned char* exchange(unsigned mask, const void* value, size_t size, int kind) {
  Warp& w = block.warps[block.current->index >> 5];
  const unsigned me = 1u << lane();
  if (!(mask & me)) die("a lane is not in the mask of its own exchange");
  if (w.arrived && (w.mask != mask || w.kind != kind)) die("lanes of a warp are in different exchanges");
  w.mask = mask;
  w.kind = kind;
  std::memcpy(w.posted + 16 * lane(), value, size);
  w.arrived |= me;
  if (w.arrived == mask) {
    std::memcpy(w.result, w.posted, sizeof w.result);
    w.arrived = 0;
    const size_t first = block.current->index & ~31u;
    for (size_t i = first; i < first + 32 && i < block.threads.size(); ++i)
      if (block.threads[i].state == State::InExchange) block.threads[i].state = State::Ready;
  } else {
    block.current->state = State::InExchange;
    yield();
  }
  return w.result;
}

cudaError_t run_grid(dim3 grid, dim3 size, size_t shared, void (*body)(void*), void* context) {
  const size_t n = size_t(size.x) * size.y * size.z;
  if (n == 0 || n > 1024 || !grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  if (shared > (163u << 10)) return cudaErrorInvalidValue;
  const char* order = std::getenv("DEEPNET_EMULATOR_ORDER");
  block.reverse = order && !std::strcmp(order, "reverse");
  block.body = body;
  block.argument = context;
  block.threads.resize(n);
  gridDim = grid;
  blockDim = size;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        blockIdx = {x, y, z};
        block.shared.assign(shared + 16, 0xcb);  // what a kernel reads before it wrote must not look like zeros
        block.warps.assign((n + 31) / 32, Warp());
        for (unsigned i = 0; i < n; ++i) {
          Thread& t = block.threads[i];
          t.state = State::Ready;
          t.index = i;
          t.x = i % size.x;
          t.y = i / size.x % size.y;
          t.z = i / (size.x * size.y);
          t.stack = -1;
        }
        run_block();
      }
  return cudaSuccess;
}

}  // namespace emulator

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t) {
  e->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return cudaSuccess;
}
