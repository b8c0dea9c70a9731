/* User-mode Linux 6.1 saves 2,696 bytes of x86 register state; a host with AMX wants all 11,008 back and answers
 * EFAULT. This preload completes what is written from what is there. Needed on such hosts only. */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long call(long request, long pid, void *address, void *data)
{
    return syscall(SYS_ptrace, request, pid, address, data);
}

static long set_xstate(long pid, struct iovec *given)
{
    static char state[65536];
    struct iovec whole = {state, sizeof state};
    long failed = call(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &whole);
    if (failed)
        return failed;
    memcpy(state, given->iov_base, given->iov_len < whole.iov_len ? given->iov_len : whole.iov_len);
    return call(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
    va_list rest;
    va_start(rest, request);
    long pid = va_arg(rest, int);
    void *address = va_arg(rest, void *);
    void *data = va_arg(rest, void *);
    va_end(rest);

    if (request == PTRACE_SETREGSET && (long)address == NT_X86_XSTATE)
        return set_xstate(pid, data);
    if (request == PTRACE_PEEKTEXT || request == PTRACE_PEEKDATA || request == PTRACE_PEEKUSER) {
        long word = 0;
        return call(request, pid, address, &word) < 0 ? -1 : word;
    }
    return call(request, pid, address, data);
}
