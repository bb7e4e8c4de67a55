"""Several Python threads, and forks, at once."""

from __future__ import annotations

import os
import threading

import pytest

import deepnet as dn


def run(work, count=4):
    errors = []

    def guarded(i):
        try:
            work(i)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors


def test_threads_get_their_own_gradients():
    def gradients(i):
        net = dn.nn.Sequential(dn.nn.Linear(64, 64), dn.nn.Tanh(), dn.nn.Linear(64, 1))
        for p in net.parameters():
            p.data.fill_(0.01 * (i + 1))
        for _ in range(10):
            net.zero_grad()
            net(dn.arange(64.0 * 32).reshape(32, 64) / 1000).sum().backward()
        return [p.grad.tolist() for p in net.parameters()]

    alone = [gradients(i) for i in range(4)]
    together = {}
    run(lambda i: together.__setitem__(i, gradients(i)))
    assert alone == [together[i] for i in range(4)]


def test_threads_add_to_one_leaf():
    w = dn.ones(100, requires_grad=True)
    run(lambda i: [(w * 2).sum().backward() for _ in range(50)])
    assert w.grad.tolist() == [400.0] * 100


def test_modes_belong_to_a_thread():
    seen = []
    with dn.no_grad():
        run(lambda i: seen.append(dn.is_grad_enabled()), 1)
    assert seen == [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_child_of_a_busy_process_computes():
    a = dn.randn(256, 256)
    expected = (a @ a).sum().item()
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            a @ a

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                x = a.clone().requires_grad_()
                (x @ x).sum().backward()
                os._exit(0 if (a @ a).sum().item() == expected else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
