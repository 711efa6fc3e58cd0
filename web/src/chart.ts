export function chart(figure: HTMLElement): void { figure.dataset.drawn = ""; }
