// A picker sends its form as soon as another choice is taken, without the fields that are empty.
export function forms(): void {
  document.addEventListener("change", (event) => {
    const field = event.target;
    if (field instanceof HTMLSelectElement && field.matches("[data-sends]")) field.form?.requestSubmit();
  });
  document.addEventListener("formdata", (event) => {
    if (!(event.target instanceof HTMLFormElement) || !event.target.matches("[data-controls]")) return;
    for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
  });
}
