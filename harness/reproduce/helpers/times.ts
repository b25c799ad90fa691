/** When things were sent, arrived and passed: launch times, and stamps held against when they may be (harness/agent/arrival.ts). */
import type { Helper } from '../helper.ts';
import { fail } from './report.ts';

/** `clock_ns(CLOCK_TAI)`: for SCM_TXTIME. */
export const clockNs: Helper = {
  includes: ['stdint.h', 'time.h'],
  code: String.raw`
static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}`,
};

/** The SO_TIMESTAMPNS control message: CLOCK_REALTIME. */
export const stampOf: Helper = {
  includes: ['string.h', 'sys/socket.h', 'time.h'],
  code: String.raw`
/* When the kernel had it (SO_TIMESTAMPNS); zero: it does not say. */
static struct timespec stamp_of(struct msghdr *msg)
{
	struct timespec stamp = { 0 };
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg))
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_TIMESTAMPNS &&
		    cmsg->cmsg_len == CMSG_LEN(sizeof(stamp)))
			memcpy(&stamp, CMSG_DATA(cmsg), sizeof(stamp));
	return stamp;
}`,
};

/** `begin_sending()`: call it right before the first send; times count from there. */
export const beginSending: Helper = {
  includes: ['time.h'],
  code: String.raw`
static struct timespec first_send, work_before;
static double latest_ms;

static double ms_between(const struct timespec *from, const struct timespec *to)
{
	return (to->tv_sec - from->tv_sec) * 1e3 + (to->tv_nsec - from->tv_nsec) / 1e6;
}

/* How late this machine wakes who sleeps, with a margin: it may be slower at other times. */
static void measure_lateness(void)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	struct timespec from, to;
	double late;
	int i;

	latest_ms = 250;
	for (i = 0; i < 3; i++) {
		clock_gettime(CLOCK_MONOTONIC, &from);
		nanosleep(&nap, NULL);
		clock_gettime(CLOCK_MONOTONIC, &to);
		late = 20 * (ms_between(&from, &to) - 2);
		latest_ms = late > latest_ms ? late : latest_ms;
	}
}

/* Times count from the first send. */
static void begin_sending(void)
{
	measure_lateness();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &work_before);
	clock_gettime(CLOCK_REALTIME, &first_send);
}`,
};

/**
 * `expect_time("packet", index, after_ms, &stamp)`. The processor time since the first send is none of the kernel's: a guest that its
 * host lets stand still for a while believes that its program ran meanwhile; one that waits for the kernel spends none.
 */
export const expectTime: Helper = {
  needs: [beginSending, fail],
  includes: ['stdio.h', 'time.h'],
  code: String.raw`
/* Never before its time, and no later than the machine may be. -1: at any time. */
static void expect_time(const char *what, int index, double after_ms, const struct timespec *stamp)
{
	struct timespec work;
	double ms, last;

	if (after_ms < 0)
		return;
	if (!stamp->tv_sec) {
		fail("expected a time stamp with %s %d, got none", what, index);
		return;
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &work);
	last = after_ms + latest_ms + ms_between(&work_before, &work);
	ms = ms_between(&first_send, stamp);
	printf("\t%.3f ms after the first send\n", ms);
	if (ms < after_ms)
		fail("expected %s %d after %g ms or later, got it after %.3f ms", what, index, after_ms, ms);
	else if (ms > last)
		fail("expected %s %d after %g to %.0f ms, got it after %.3f ms", what, index, after_ms, last, ms);
}`,
};
