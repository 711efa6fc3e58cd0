// Shows how far a refresh is, and says when new data is ready; the page itself never changes under the reader.
interface Refreshing { running: boolean; step: string; done: number; of: number; failed: string; finished_at: string | null }

const QUIET = 20_000;
const BUSY = 1_000;
const ADDRESS = "/api/refresh";

export function refreshing(): void {
  const line = document.querySelector<HTMLElement>("[data-refreshing]");
  const button = document.querySelector<HTMLButtonElement>("[data-refresh]");
  if (!line || !button) return;
  let running = false;
  let ended: string | null | undefined; // when the last refresh ended; undefined: not yet asked
  let timer = 0;

  const show = (...parts: (Node | string)[]): void => { line.replaceChildren(...parts); line.hidden = parts.length === 0; };

  const tell = (state: Refreshing): void => {
    running = button.disabled = state.running;
    if (running) {
      if (ended === undefined) ended = state.finished_at; // the page was opened meanwhile: the end of this one is news
      const bar = document.createElement("progress");
      if (state.of > 0) { bar.max = state.of; bar.value = state.done; }
      bar.setAttribute("aria-label", line.dataset.doing ?? "");
      show(`${line.dataset.doing}: ${state.step}`, bar);
      return;
    }
    if (state.failed) {
      show(`${line.dataset.failed} ${state.failed.split("\n", 1)[0]}`);
    } else if (ended !== undefined && ended !== state.finished_at) {
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = line.dataset.show ?? "";
      show(`${line.dataset.done} `, link);
    }
    ended = state.finished_at;
  };

  const look = async (): Promise<void> => {
    window.clearTimeout(timer);
    if (document.visibilityState === "visible") {
      const answer = await fetch(ADDRESS, { headers: { accept: "application/json" } }).catch(() => null);
      if (answer?.status === 404) return;
      if (answer?.ok) { button.hidden = false; tell(await answer.json() as Refreshing); }
    }
    timer = window.setTimeout(look, running ? BUSY : QUIET);
  };

  button.addEventListener("click", async () => {
    window.clearTimeout(timer);
    button.disabled = true;
    const answer = await fetch(ADDRESS, { method: "POST" }).catch(() => null);
    if (answer?.ok) tell(await answer.json() as Refreshing);
    timer = window.setTimeout(look, BUSY);
  });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") void look(); });
  void look();
}
