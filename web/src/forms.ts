// A picker sends its form as soon as another choice is taken, without the fields that are empty; a form that takes a while
// says so, and is sent once.
export function forms(): void {
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLSelectElement && field.matches("[data-sends]")) field.form?.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.busy) return;
    if (form.ariaBusy) { event.preventDefault(); return; }
    form.ariaBusy = "true";
    const told = document.createElement("span");
    told.className = "busy";
    told.setAttribute("role", "status");
    told.append(document.createElement("progress"), form.dataset.busy);
    told.firstElementChild?.setAttribute("aria-label", form.dataset.busy);
    (event.submitter ?? form).after(told);
  });
  // A page that is come back to is as it was before it was left.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll<HTMLFormElement>("form[aria-busy]")) { form.ariaBusy = null; form.querySelector(".busy")?.remove(); }
  });
  document.addEventListener("formdata", (event) => {
    if (!(event.target instanceof HTMLFormElement) || !event.target.matches("[data-controls]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}
