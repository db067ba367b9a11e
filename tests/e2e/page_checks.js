// What is wrong with the page that is open: each function gives a list of words, empty when all is well.
({
  // Texts that can be seen, with their elements.
  texts() {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = []
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement, text = walker.currentNode.data
      if (text.trim() && element.tagName !== 'STYLE' && element.checkVisibility()) found.push([text, element])
    }
    return found
  },

  // WCAG AA: the color of each text against the ground it stands on, blended from all that lies behind it.
  contrast() {
    const parse = color => (color.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number)
    const linear = v => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)
    const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2])
    const ground = element => {
      const layers = []
      for (let e = element; e; e = e.parentElement) layers.unshift(parse(getComputedStyle(e).backgroundColor))
      return layers.reduce((below, c) => {
        const alpha = c.length > 3 ? c[3] : 1
        return below.map((v, i) => v * (1 - alpha) + c[i] * alpha)
      }, [255, 255, 255])
    }
    const bad = new Set()
    for (const [text, e] of this.texts()) {
      const style = getComputedStyle(e), color = parse(e.closest('svg') ? style.fill : style.color)
      const [a, b] = [light(color), light(ground(e))].sort((x, y) => y - x)
      const ratio = (a + 0.05) / (b + 0.05)
      if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5))
        bad.add(`${ratio.toFixed(1)} ${e.tagName} ${text.trim().slice(0, 30)}`)
    }
    return [...bad]
  },

  // Strokes that carry meaning, against the ground of the page: 3 to 1.
  strokes() {
    const bad = new Set(), seen = new Set()
    const parse = color => color.match(/[\d.]+/g).map(Number)
    const linear = v => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4)
    const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2])
    const ground = light(parse(getComputedStyle(document.body).backgroundColor))
    for (const path of document.querySelectorAll('path.dot, path.ci, path.line, path.ref')) {
      const name = path.getAttribute('class')
      if (seen.has(name)) continue
      seen.add(name)
      const [a, b] = [light(parse(getComputedStyle(path).stroke)), ground].sort((x, y) => y - x)
      if ((a + 0.05) / (b + 0.05) < 3) bad.add(name)
    }
    return [...bad]
  },

  // Text under 11 px as it is seen: a stretched drawing shrinks its text.
  small() {
    const bad = new Set()
    for (const [text, e] of this.texts()) {
      const size = parseFloat(getComputedStyle(e).fontSize) * (e.getScreenCTM ? e.getScreenCTM().a : 1)
      if (size < 10.99) bad.add(`${size} ${e.tagName} ${text.trim().slice(0, 30)}`)
    }
    return [...bad]
  },

  // Labels inside their drawing and apart from each other; cells not wider than their place.
  places() {
    const bad = []
    for (const svg of document.querySelectorAll('svg')) {
      if (svg.parentElement.closest('svg') || !svg.checkVisibility()) continue
      const outer = svg.getBoundingClientRect()
      const labels = [...svg.querySelectorAll('text')].map(t => [t.textContent, t.getBoundingClientRect()])
      if (!outer.width) continue
      labels.forEach(([text, b], i) => {
        if (b.left < outer.left - 1 || b.right > outer.right + 1 || b.top < outer.top - 2 || b.bottom > outer.bottom + 3)
          bad.push(`outside: ${text}`)
        for (const [other, c] of labels.slice(i + 1))
          if (b.left < c.right - 0.5 && c.left < b.right - 0.5 && b.top < c.bottom - 4 && c.top < b.bottom - 4)
            bad.push(`overlap: ${text} ${other}`)
      })
    }
    for (const cell of document.querySelectorAll('td, th, dd, li, summary')) {
      if (!cell.checkVisibility() || cell.closest('thead') || getComputedStyle(cell).display === 'inline') continue
      if (cell.scrollWidth > cell.clientWidth + 1)
        bad.push(`too wide: ${cell.tagName} ${cell.textContent.slice(0, 40)}`)
    }
    return bad
  },

  // Characters without a glyph: drawn in their element's fonts they look like two code points that no font has.
  glyphs() {
    const canvas = document.createElement('canvas'), seen = new Set(), bad = new Set()
    canvas.width = canvas.height = 40
    const context = canvas.getContext('2d', {willReadFrequently: true})
    const drawn = (font, text) => {
      context.clearRect(0, 0, 40, 40)
      context.font = font
      context.fillText(text, 6, 28)
      return context.getImageData(0, 0, 40, 40).data.join()
    }
    for (const [text, e] of this.texts()) {
      const font = '20px ' + getComputedStyle(e).fontFamily, lang = e.closest('[lang]').lang
      for (const char of text) {
        if (seen.has(font + char) || !char.trim()) continue
        seen.add(font + char)
        const pixels = drawn(font, char)
        if (['\u{10ffff}', '\ufdd0'].some(none => drawn(font, none) === pixels)) bad.add(`${lang} ${char}`)
      }
    }
    return [...bad]
  },

  // Boxes that begin with a mark would show it on a dotted circle.
  torn() {
    return [...document.querySelectorAll('.t')].map(e => e.textContent).filter(text => /^\p{M}/u.test(text))
  },
})
