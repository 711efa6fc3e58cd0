// Files that are dropped or chosen go to the server one after the other, as they are; then the page is asked anew.
interface Refused { what?: string; do?: string }

export function uploads(): void {
  const forms = document.querySelectorAll<HTMLFormElement>("form[data-uploads]");
  // With one form files may be dropped anywhere; among several it matters where.
  for (const form of forms) dropzone(form, forms.length === 1 ? document : form);
}

function dropzone(form: HTMLFormElement, place: Document | HTMLFormElement): void {
  const box = form.querySelector<HTMLElement>(".dropzone-box");
  const field = form.querySelector<HTMLInputElement>("input[type=file]");
  const list = form.querySelector<HTMLElement>(".dropzone-files");
  if (!box || !field || !list) return;
  box.hidden = false;
  form.querySelector("[data-by-hand]")?.remove();
  let busy = false;

  const send = (file: File): Promise<boolean> => new Promise((done) => {
    const row = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    name.textContent = file.name;
    bar.max = file.size || 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    row.append(name, bar);
    list.append(row);
    const fail = (...told: string[]): void => {
      const fault = document.createElement("span");
      fault.className = "dropzone-fault";
      fault.textContent = told.filter(Boolean).join(" ");
      bar.remove();
      row.append(fault);
      done(false);
    };
    // The server would refuse it too, but a connection that is closed while a file is sent tells no reason.
    if (file.size > Number(form.dataset.most)) { fail(form.dataset.tooLarge ?? ""); return; }
    const request = new XMLHttpRequest();
    const action = form.dataset.uploads ?? "";
    request.open("POST", `${action}${action.includes("?") ? "&" : "?"}name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => { bar.value = event.loaded; });
    request.addEventListener("load", () => {
      if (request.status === 201) { bar.value = bar.max; done(true); return; }
      const told = (request.response ?? {}) as Refused;
      fail(told.what ?? form.dataset.failed ?? "", told.do ?? "");
    });
    request.addEventListener("error", () => fail(form.dataset.stopped ?? ""));
    request.send(file);
  });

  const take = async (files: File[]): Promise<void> => {
    if (busy || files.length === 0) return;
    busy = true;
    list.replaceChildren();
    let sent = 0;
    for (const file of files) if (await send(file)) sent += 1;
    busy = false;
    field.value = "";
    // What was refused stays to be read; what came in is looked at when the reader goes on.
    if (sent === files.length) {
      const next = new URL(form.dataset.next ?? "", location.href);
      history.replaceState(null, "", next); // an address that differs in its mark alone would load nothing
      location.reload();
    }
    else if (sent > 0) {
      const on = document.createElement("a");
      on.href = form.dataset.next ?? "";
      on.textContent = document.title.split(" · ")[0] ?? "";
      list.append(on);
    }
  };

  field.addEventListener("change", () => void take([...field.files ?? []]));
  const carriesFiles = (event: Event): event is DragEvent => event instanceof DragEvent && (event.dataTransfer?.types.includes("Files") ?? false);
  place.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault(); // else the browser opens a file that is dropped beside the box
    form.classList.add("dropzone-over");
  });
  place.addEventListener("dragleave", (event) => { if (event instanceof DragEvent && !event.relatedTarget) form.classList.remove("dropzone-over"); });
  place.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    form.classList.remove("dropzone-over");
    void take([...event.dataTransfer?.files ?? []]);
  });
}
