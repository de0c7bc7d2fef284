// Mentions of sealed windows are judged on the keeping thread, and what is told of them is told from here:
//
//     publish -> watch -> (alerts: tell -> watch) -> ...
//
// While alerts are told no later window is judged. Nothing else waits for them: windows are published and
// offsets committed meanwhile, and a process that stops leaves them to the next owner of the partition.

#include "aggregate/pipeline/pipeline_internal.h"
#include "runtime/log/log.h"

void watch_work(struct job *job) {
    struct pipeline *p = job->pipeline;
    if (job->forget)
        watcher_forget(p->watch.watcher);
    job->status = watcher_run(p->watch.watcher, &p->keeper, p->publisher, job->told, WATCH_MOST, &job->answer,
                              &job->problem);
}

static bool is_ours(const struct pipeline *p) {
    return p->lanes[WATCHER_PARTITION] != NULL;
}

void watch_done(struct pipeline *p, struct job *job) {
    struct watching *w = &p->watch;
    w->busy = false;
    w->figures = watcher_figures(w->watcher);
    if (job->status != STATUS_OK) {
        job_store_refused(p, job); // it is due again after the next round of publishing
        return;
    }
    job_store_answered(p, job);
    w->due = w->due || job->answer.more;
    if (job->answer.count == 0 || p->draining)
        return;
    herald_tell(w->herald, job->answer.messages, job->answer.count);
    w->telling = true;
}

static void watch_begin(struct pipeline *p, bool told) {
    struct watching *w = &p->watch;
    struct job *job = job_begin(p, JOB_WATCH, NULL);
    job->told = told;
    job->forget = w->away;
    w->due = w->telling = w->away = false;
    w->busy = true;
    job_queue(p, job);
}

void watch_turn(struct pipeline *p) {
    struct watching *w = &p->watch;
    herald_poll(w->herald, p->now_ms);
    w->away = w->away || !is_ours(p);
    if (w->busy || p->draining || !is_ours(p) || (w->telling && !herald_is_done(w->herald)))
        return;
    if (w->telling || w->due)
        watch_begin(p, w->telling && !w->away);
}
