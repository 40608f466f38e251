// SPDX-License-Identifier: GPL-2.0-or-later
/* Ending what runs, and the thread that waits for a second signal meanwhile. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "log.h"
#include "sink.h"
#include "stack.h"
#include "stop.h"

#define STOP_TIMEOUT_MS	5000	/* a destination that fails has that long at the end */
#define SIGNAL_TWICE_MS	200	/* timeout(1) sends its signal to the process and then to its group */

/* The thread that waits for a second signal while the daemon stops. */
static struct {
	sigset_t signals;
	pthread_t thread;
	bool started;
	atomic_bool stopped;
} second;

static void *second_main(void *arg)
{
	const struct timespec moment = { .tv_nsec = SIGNAL_TWICE_MS * 1000000 };
	int64_t since_ms = log_now_ms();

	(void)arg;
	while (!atomic_load(&second.stopped)) {
		int sig = log_now_ms() < since_ms + SIGNAL_TWICE_MS ?
			  sigtimedwait(&second.signals, NULL, &moment) : sigwaitinfo(&second.signals, NULL);

		if (sig < 0 || log_now_ms() < since_ms + SIGNAL_TWICE_MS || atomic_load(&second.stopped))
			continue;
		log_notice("second signal received, no destination is waited for any more");
		sink_begin_stop_all(0);
		break;
	}
	return NULL;
}

void stop_all(void)
{
	sigemptyset(&second.signals);
	sigaddset(&second.signals, SIGTERM);
	sigaddset(&second.signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &second.signals, NULL);
	sink_begin_stop_all(STOP_TIMEOUT_MS);
	sink_say_failing();
	second.started = pthread_create(&second.thread, NULL, second_main, NULL) == 0;
	stack_stop();
	sink_stop_all();
	if (!second.started)
		return;
	atomic_store(&second.stopped, true);
	pthread_kill(second.thread, SIGTERM);
	pthread_join(second.thread, NULL);
}
